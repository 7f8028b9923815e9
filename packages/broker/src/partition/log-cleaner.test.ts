import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeTime } from '@ottla/base/fake-time.ts'
import { InlineThreads } from '@ottla/base/inline-threads.ts'
import { MemoryDisk } from '@ottla/base/memory-disk.ts'
import { MemoryLogger } from '@ottla/base/memory-logger.ts'
import { seededRandom } from '@ottla/base/random.ts'
import { SyncQueue } from '@ottla/base/sync-queue.ts'
import { keyedBatch } from '../log/compaction/testing.ts'
import { OpenSegments } from '../log/open-segments.ts'
import { TailBudget } from '../log/tail-budget.ts'
import { emptyImage, type TopicImage } from '../metadata/image.ts'
import { brokerConfig } from '../testing/memory-broker.ts'
import { noCluster } from '../testing/no-cluster.ts'
import { LogCleaner } from './log-cleaner.ts'
import { LogDirectory } from './log-directories.ts'
import type { Partition } from './partition.ts'
import { Partitions } from './partitions.ts'

const NOW_MS = 1_700_000_000_000
const BACKOFF_MS = 15_000
const COMPACTED = { 'cleanup.policy': 'compact', 'internal.segment.bytes': '400' }

function topic(name: string, configs: { readonly [name: string]: string }): TopicImage {
  const replica = { replicas: [1], isr: [1], leader: 1, leaderEpoch: 0, partitionEpoch: 0 }
  return {
    ...{ id: name.padEnd(22, 'x'), name, internal: false, revision: 1 },
    configs: new Map(Object.entries({ ...COMPACTED, ...configs })),
    partitions: [{ index: 0, ...replica } as TopicImage['partitions'][number]],
  }
}

class Fixture {
  readonly time = new FakeTime({ wallMs: NOW_MS })
  readonly disk = new MemoryDisk({ random: seededRandom(1), clock: this.time })
  readonly logger = new MemoryLogger()
  readonly settings: { readonly [name: string]: string }
  directory!: LogDirectory
  partitions!: Partitions
  cleaner!: LogCleaner

  constructor(settings: { readonly [name: string]: string } = {}) {
    this.settings = settings
  }

  async start(topics: readonly TopicImage[]): Promise<void> {
    const { disk, time, logger } = this
    const config = brokerConfig(this.settings)
    this.directory = LogDirectory.open(disk, '/data', seededRandom('directory'))
    this.partitions = new Partitions({
      cluster: noCluster(),
      ...{ brokerId: 1, disk, directories: [this.directory], clock: time, timers: time, logger },
      ...{ random: seededRandom('jitter'), syncs: new SyncQueue(), tail: new TailBudget(1 << 16) },
      openSegments: new OpenSegments(),
      onGone: (partition) => this.cleaner.forget(partition),
      onFailure: (error) => assert.fail(String(error)),
    })
    this.cleaner = new LogCleaner({
      ...{ partitions: this.partitions, clock: time, timers: time, logger, config: () => config },
      threads: new InlineThreads({ disk, clock: time, timers: time }),
    })
    this.publish(topics)
    await this.until(this.partitions.opened())
    this.partitions.setStraysAside()
    this.cleaner.start()
  }

  publish(topics: readonly TopicImage[]): void {
    const topicsById = new Map(topics.map((image) => [image.id, image]))
    const topicsByName = new Map(topics.map((image) => [image.name, image]))
    this.partitions.publish({ ...emptyImage, topicsById, topicsByName }, brokerConfig(this.settings))
  }

  async stop(): Promise<void> {
    await this.until(this.cleaner[Symbol.asyncDispose]())
    await this.until(this.partitions[Symbol.asyncDispose]())
    this.directory[Symbol.dispose]()
  }

  async until<T>(promise: Promise<T>): Promise<T> {
    let isSettled = false
    const mark = () => {
      isSettled = true
    }
    promise.then(mark, mark)
    for (let turns = 0; turns < 10_000 && !isSettled; turns++) await this.time.settle()
    assert.ok(isSettled, 'It ends without time passing')
    return promise
  }

  find(name: string): Partition {
    return this.partitions.find(name.padEnd(22, 'x'), 0)!
  }

  /** Each a batch of its own, about four to a segment. */
  async write(name: string, texts: readonly string[], timestampMs = this.time.wallMs()): Promise<void> {
    const { log } = this.find(name)
    for (const text of texts) {
      const [key, value] = text.split('=')
      log.append(keyedBatch([{ key: key!, value: value || null, timestampMs }]), 0, {
        ...{ leaderEpoch: 0, appendTimeMs: this.time.wallMs() },
      })
    }
    log.roll()
    await this.until(log.synced())
  }

  /** What is on the disk in sealed segments and what the log's end is. */
  bytes(name: string): number {
    return this.find(name).log.bytes
  }

  checkpoint(): string {
    const path = '/data/cleaner-offset-checkpoint'
    return this.disk.exists(path) ? String(this.disk.readFile(path)) : ''
  }

  /** Stopped while another runs, the high watermark follows the written. */
  async round(): Promise<void> {
    await this.time.run(BACKOFF_MS)
    await this.until(this.cleaner.clean())
  }
}

function times(count: number, text: string): string[] {
  return Array.from({ length: count }, (_, index) => `${text}${index}`)
}

test('what is dirty enough is compacted, and the checkpoint says how far, in Kafka’s form', async () => {
  const fixture = new Fixture()
  await fixture.start([topic('t', {})])
  await fixture.write('t', times(20, 'a='))
  const before = fixture.bytes('t')
  await fixture.round()
  assert.ok(fixture.bytes('t') < before / 4)
  assert.equal(fixture.checkpoint(), '0\n1\nt 0 20\n')
  assert.equal(fixture.cleaner.runs.value, 1)
  assert.equal(fixture.cleaner.recordsRead.value, 20)
  assert.equal(fixture.cleaner.recordsKept.value, 1)
  await fixture.stop()
})

test('what is not dirty enough waits, and goes on where it ended, also after a restart', async () => {
  const fixture = new Fixture()
  const topics = [topic('t', { 'min.cleanable.dirty.ratio': '0.5' })]
  await fixture.start(topics)
  await fixture.write(
    't',
    times(20, 'k=').map((text, index) => text.replace('k', `k${index}`)),
  )
  await fixture.round()
  assert.equal(fixture.cleaner.runs.value, 1)
  await fixture.stop()
  await fixture.start(topics)
  await fixture.write('t', ['k0=new'])
  await fixture.round()
  assert.equal(fixture.cleaner.runs.value, 0, 'one twentieth is dirty')
  assert.ok(fixture.cleaner.dirtyRatioMax.value > 0 && fixture.cleaner.dirtyRatioMax.value < 0.1)
  await fixture.write('t', times(30, 'k1='))
  await fixture.round()
  assert.equal(fixture.cleaner.runs.value, 1)
  assert.equal(fixture.checkpoint(), '0\n1\nt 0 51\n')
  await fixture.stop()
})

test('the filthiest log comes first, and all that is due is done in one round', async () => {
  const fixture = new Fixture()
  await fixture.start([topic('clean', {}), topic('filthy', {}), topic('deleted', { 'cleanup.policy': 'delete' })])
  await fixture.write('clean', times(8, 'a='))
  await fixture.round()
  await fixture.write('clean', times(40, 'a='))
  await fixture.write('filthy', times(8, 'a='))
  await fixture.write('deleted', times(8, 'a='))
  await fixture.round()
  const cleaned = fixture.logger.lines.filter(({ message }) => message === 'Compacted a log')
  assert.deepEqual(
    cleaned.map(({ fields }) => fields['topic']),
    ['clean', 'filthy', 'clean'],
  )
  await fixture.stop()
})

test('records younger than min.compaction.lag.ms are left alone', async () => {
  const fixture = new Fixture()
  await fixture.start([topic('t', { 'min.compaction.lag.ms': '60000', 'max.compaction.lag.ms': '70000000' })])
  await fixture.write('t', times(8, 'a='), NOW_MS - 60_000)
  await fixture.write('t', times(8, 'b='), NOW_MS)
  await fixture.round()
  assert.equal(fixture.checkpoint(), '0\n1\nt 0 8\n')
  await fixture.time.run(60_000)
  await fixture.round()
  assert.equal(fixture.checkpoint(), '0\n1\nt 0 16\n')
  await fixture.stop()
})

test('a record that has waited for max.compaction.lag.ms is compacted, out of the active segment too', async () => {
  const fixture = new Fixture()
  await fixture.start([topic('t', { 'max.compaction.lag.ms': '60000', 'min.cleanable.dirty.ratio': '1' })])
  const { log } = fixture.find('t')
  const batch = keyedBatch([{ key: 'a', value: '1' }])
  log.append(batch, 0, { leaderEpoch: 0, appendTimeMs: NOW_MS })
  log.append(batch, 0, { leaderEpoch: 0, appendTimeMs: NOW_MS })
  await fixture.until(log.synced())
  await fixture.round()
  assert.equal(log.segmentCount, 1)
  await fixture.time.run(60_000)
  await fixture.round()
  assert.equal(fixture.checkpoint(), '0\n1\nt 0 2\n')
  await fixture.stop()
})

test('a log that cannot be compacted is left alone and told of; the others go on', async () => {
  const fixture = new Fixture()
  await fixture.start([topic('broken', {}), topic('whole', {})])
  await fixture.write('broken', times(8, 'a='))
  await fixture.write('whole', times(8, 'a='))
  const file = fixture.disk.open('/data/broken-0/00000000000000000000.log')
  file.write(Buffer.from('?'), 65)
  file.close()
  await fixture.round()
  await fixture.round()
  assert.equal(fixture.cleaner.uncleanableCount, 1)
  assert.equal(fixture.cleaner.failures.value, 1, 'it is not tried again')
  assert.equal(fixture.checkpoint(), '0\n1\nwhole 0 8\n')
  assert.ok(fixture.logger.lines.some(({ level, fields }) => level === 'error' && fields['topic'] === 'broken'))
  await fixture.stop()
})

test('a full disk is no reason to give up a log', async () => {
  const fixture = new Fixture()
  await fixture.start([topic('t', {})])
  await fixture.write('t', times(8, 'a='))
  fixture.disk.failNext({ operation: 'write', path: '/data/t-0/00000000000000000000.log.cleaned', code: 'ENOSPC' })
  await fixture.round()
  assert.equal(fixture.cleaner.failures.value, 1)
  assert.equal(fixture.cleaner.uncleanableCount, 0)
  await fixture.round()
  assert.equal(fixture.cleaner.runs.value, 1)
  assert.ok(!fixture.disk.list('/data/t-0').some(({ name }) => name.endsWith('.cleaned')))
  await fixture.stop()
})

test('a topic that is deleted while it is compacted is deleted, and another of its name is not touched', async () => {
  const fixture = new Fixture()
  await fixture.start([topic('t', {})])
  await fixture.write('t', times(40, 'a='))
  const cleaning = fixture.cleaner.clean()
  for (let turns = 0; turns < 3; turns++) fixture.time.turn()
  fixture.publish([])
  fixture.publish([{ ...topic('t', {}), id: 'second'.padEnd(22, 'x') }])
  await fixture.until(cleaning)
  await fixture.until(fixture.partitions.opened())
  const second = fixture.partitions.find('second'.padEnd(22, 'x'), 0)!
  assert.equal(second.log.logEndOffset, 0)
  assert.equal(fixture.cleaner.runs.value, 0)
  assert.equal(fixture.cleaner.uncleanableCount, 0)
  await fixture.stop()
})

test('a cleaner that is switched off cleans nothing, and one that is stopped leaves nothing behind', async () => {
  const off = new Fixture({ 'log.cleaner.enable': 'false' })
  await off.start([topic('t', {})])
  await off.write('t', times(8, 'a='))
  await off.time.run(BACKOFF_MS * 3)
  assert.equal(off.cleaner.runs.value, 0)
  await off.stop()
  const stopped = new Fixture()
  await stopped.start([topic('t', {})])
  await stopped.write('t', times(40, 'a='))
  stopped.time.advance(BACKOFF_MS)
  stopped.time.turn()
  await stopped.stop()
  assert.equal(stopped.time.pendingTimers, 0)
  assert.ok(!stopped.disk.list('/data/t-0').some(({ name }) => name.endsWith('.cleaned')))
})

test('the pace of log.cleaner.io.max.bytes.per.second is kept', async () => {
  const fixture = new Fixture({ 'log.cleaner.io.max.bytes.per.second': '1000' })
  await fixture.start([topic('t', {})])
  await fixture.write('t', times(40, 'a='))
  const bytes = fixture.bytes('t')
  const cleaning = fixture.cleaner.clean()
  await fixture.time.run(bytes - 500)
  assert.equal(fixture.cleaner.runs.value, 0, 'the map alone takes a second for each thousand bytes')
  await fixture.time.run(bytes * 2)
  await fixture.until(cleaning)
  assert.equal(fixture.cleaner.runs.value, 1)
  await fixture.stop()
})
