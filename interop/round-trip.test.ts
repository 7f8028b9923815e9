/**
 * A real file through every producer with every codec and out through every reader: each pair of producer and codec
 * fills a topic of its own, and the readers take turns so that each of them meets each codec and each producer.
 */
import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { BrokerProcess } from './broker-process.ts'
import { connect, createTopic } from './cluster.ts'
import { dataFile } from './data.ts'
import { needs } from './debian.ts'
import { OTTLA, succeed } from './processes.ts'
import { CODECS, type CodecName, READERS, type Reader, WRITERS, type Writer } from './round-trip-clients.ts'
import { difference } from './same-lines.ts'
import { TempDirectory } from './temp-directory.ts'

const PARTITIONS = 6
/** librdkafka sends a batch plain where the codec would not make it smaller, which happens to tiny ones only. */
const PLAIN_RECORDS_MAX = 10

const file = await dataFile()
const tools = await needs('kcat', 'python3-confluent-kafka')
const skip = 'skip' in file ? file.skip : tools.skip

describe('a real file comes out as it went in', skip === undefined ? {} : { skip }, () => {
  const directory = new TempDirectory('round-trip')
  const dataDir = directory.of('data')
  let broker: BrokerProcess

  before(async () => {
    broker = await BrokerProcess.start({ dataDir })
  })

  after(async () => {
    await broker[Symbol.asyncDispose]()
    directory[Symbol.dispose]()
  })

  test('the file is large enough', (context) => {
    assert(!('skip' in file))
    context.diagnostic(`${file.path} of Debian's ${file.package}: ${file.lines.length} lines, ${file.bytes} bytes`)
  })

  for (const [w, writer] of WRITERS.entries()) {
    for (const [c, codec] of CODECS.entries()) {
      const reader = READERS[(w + c) % READERS.length]!
      test(`${writer.name} with ${codec}, read by ${reader.name}`, async () => await journey({ writer, codec, reader }))
    }
  }

  async function journey({
    writer,
    codec,
    reader,
  }: {
    writer: Writer
    codec: CodecName
    reader: Reader
  }): Promise<void> {
    assert(!('skip' in file))
    const topic = `${codec}.${writer.name}`.replace(/[^a-z0-9.-]/g, '-')
    const connection = await connect(broker)
    await createTopic(connection, { name: topic, partitions: PARTITIONS })
    await connection[Symbol.asyncDispose]()
    const way = { bootstrap: broker.bootstrap, topic, partitions: PARTITIONS }
    await writer.write(way, codec, file.path)
    const contents = await reader.read(way, directory.of(topic))
    assert.equal(difference(file.lines, contents), null)
    await checkCodec(topic, codec)
  }

  /** Looks at what is stored: a client that misses an API version sends plain batches without a word. */
  async function checkCodec(topic: string, codec: CodecName): Promise<void> {
    const partitions = Array.from({ length: PARTITIONS }, (_, partition) => partition)
    const batches = (await Promise.all(partitions.map((partition) => storedBatches(topic, partition)))).flat()
    assert(
      batches.some((batch) => batch.count > PLAIN_RECORDS_MAX),
      'The codec shows in large batches',
    )
    const other = batches.filter((batch) => batch.compresscodec !== codec)
    const excused = other.filter((batch) => batch.compresscodec === 'none' && batch.count <= PLAIN_RECORDS_MAX)
    assert.deepEqual(other, excused, `Every batch of "${topic}" carries ${codec}`)
  }

  async function storedBatches(topic: string, partition: number): Promise<StoredBatch[]> {
    const folder = `${dataDir}/${topic}-${partition}`
    const segments = readdirSync(folder)
      .filter((name) => name.endsWith('.log'))
      .sort()
    const batches: StoredBatch[] = []
    for (const segment of segments) {
      const { output } = await succeed(OTTLA, ['log', 'dump', '--json', `${folder}/${segment}`])
      for (const line of output.toString().split('\n')) if (line !== '') batches.push(JSON.parse(line) as StoredBatch)
    }
    return batches
  }
})

interface StoredBatch {
  readonly compresscodec: string
  readonly count: number
}
