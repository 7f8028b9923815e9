/** Arguments: bootstrap, topic, codec, file. Sends the file's lines by @platformatic/kafka, acks all, one after another. */
import { ProduceAcks, Producer } from '@platformatic/kafka'
import { groupsOfLines } from './lines-of-file.ts'

const GROUP_LINES = 10_000
type Compression = 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd'

const [bootstrap = '', topic = '', codec = '', path = ''] = process.argv.slice(2)
const producer = new Producer({
  clientId: 'platformatic',
  bootstrapBrokers: [bootstrap],
  acks: ProduceAcks.ALL,
  compression: codec as Compression,
})
for (const group of groupsOfLines(path, GROUP_LINES)) {
  await producer.send({ messages: group.map((value) => ({ topic, value })) })
}
await producer.close()
