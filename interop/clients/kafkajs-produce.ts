/** Arguments: bootstrap, topic, codec, file. Sends the file's lines by kafkajs, acks all, one request after another. */
import kafkajs from 'kafkajs'
import { registerCodecs } from './kafkajs-codecs.ts'
import { groupsOfLines } from './lines-of-file.ts'

const GROUP_LINES = 10_000

const [bootstrap = '', topic = '', codec = '', path = ''] = process.argv.slice(2)
const { Kafka, CompressionTypes, logLevel, Partitioners } = kafkajs
const CODECS: Readonly<Record<string, number>> = {
  none: CompressionTypes.None,
  gzip: CompressionTypes.GZIP,
  snappy: CompressionTypes.Snappy,
  lz4: CompressionTypes.LZ4,
  zstd: CompressionTypes.ZSTD,
}

registerCodecs()
const kafka = new Kafka({ clientId: 'kafkajs', brokers: [bootstrap], logLevel: logLevel.ERROR })
const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner })
await producer.connect()
for (const group of groupsOfLines(path, GROUP_LINES)) {
  await producer.send({ topic, acks: -1, compression: CODECS[codec]!, messages: group.map((value) => ({ value })) })
}
await producer.disconnect()
