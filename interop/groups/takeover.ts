/**
 * From where @platformatic/kafka reads partitions that it takes over, frame by frame: `scripts/node26
 * interop/groups/takeover.ts [ottla|kafka] [consumer|classic] [LIVES]`. Groups of it live their lives (life.ts) through a
 * relay, and when a record comes that must not, what passed between its member and the broker about that partition is
 * printed. Exit code 1 where one came. Needs `java` and Kafka's jars for Apache Kafka.
 */
import type { Fetch } from '@ottla/protocol/apis/01-fetch.ts'
import type { Metadata } from '@ottla/protocol/apis/03-metadata.ts'
import type { OffsetCommit } from '@ottla/protocol/apis/08-offset-commit.ts'
import type { OffsetFetch } from '@ottla/protocol/apis/09-offset-fetch.ts'
import type { RequestOf, ResponseOf } from '@ottla/protocol/codec.ts'
import { ApacheKafka } from '../apache-kafka.ts'
import { BrokerProcess } from '../broker-process.ts'
import { type BrokerAddress, connect } from '../cluster.ts'
import { TempDirectory } from '../temp-directory.ts'
import { PLATFORMATIC_UNSPARED } from './clients.ts'
import { FrameTap, type Passed } from './frame-tap.ts'
import { GroupObserver } from './group-view.ts'
import { GroupLife } from './life.ts'

const LIVES_DEFAULT = 10
const METADATA_DELAY_MS = 10
const LINES_MAX = 60
const [broker = 'ottla', protocol = 'consumer', lives = LIVES_DEFAULT] = process.argv.slice(2)
const CLIENT = PLATFORMATIC_UNSPARED[protocol === 'consumer' ? 1 : 0]
const ASSIGNOR = protocol === 'consumer' ? 'range' : 'roundrobin'

const SETTINGS = {
  'offsets.topic.num.partitions': '1',
  'group.initial.rebalance.delay.ms': '0',
  'group.min.session.timeout.ms': '6000',
  'group.consumer.min.session.timeout.ms': '6000',
  'group.consumer.session.timeout.ms': '6000',
  'group.consumer.min.heartbeat.interval.ms': '200',
  'group.consumer.heartbeat.interval.ms': '200',
}

type Running = BrokerAddress & AsyncDisposable

async function start(directory: TempDirectory, port: number): Promise<Running> {
  if (broker === 'kafka') {
    return await ApacheKafka.start({ directory: directory.path, settings: SETTINGS, advertisedPort: port })
  }
  const settings = { ...SETTINGS, 'advertised.listeners': `PLAINTEXT://127.0.0.1:${port}` }
  const args = Object.entries(settings).flatMap(([name, value]) => ['--set', `${name}=${value}`])
  // It says that it is ready at the address that it advertises.
  const own = { host: '127.0.0.1', port: await freePort() }
  const ottla = await BrokerProcess.start({ dataDir: directory.of('data'), listen: `${own.host}:${own.port}`, args })
  return { ...own, [Symbol.asyncDispose]: async () => await ottla[Symbol.asyncDispose]() }
}

async function freePort(): Promise<number> {
  await using tap = await FrameTap.open({ metadataDelayMs: 0 })
  return tap.port
}

async function main(): Promise<number> {
  using directory = new TempDirectory('takeover')
  await using tap = await FrameTap.open({ metadataDelayMs: METADATA_DELAY_MS })
  await using running = await start(directory, tap.port)
  tap.leadTo(running)
  await using observer = new GroupObserver(await connect(running))
  for (let index = 0; index < Number(lives); index++) {
    const options = { observer, bootstrap: tap.bootstrap, group: `life${index}`, client: CLIENT, assignor: ASSIGNOR }
    await using life = new GroupLife(options)
    try {
      await life.live()
      console.log(`life ${index} is lived: ${JSON.stringify(life.changes)}, ${life.repeated} came again uncommitted`)
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error)
      console.log(`life ${index} failed: ${message}`)
      const about = /'(\S+)-(\d+)@\d+ came \d+ times to (\S+),/.exec(message)
      if (about === null) return 1
      const [, topic = '', partition, clientId = ''] = about
      for (const line of linesAbout(tap.passed, { topic, partition: Number(partition), clientId })) console.log(line)
      return 1
    }
    tap.passed.length = 0
  }
  return 0
}

interface Place {
  readonly topic: string
  readonly partition: number
  readonly clientId: string
}

/** What passed between one member and the broker about one partition. */
function linesAbout(passed: readonly Passed[], place: Place): string[] {
  const topicId = topicIdOf(passed, place.topic)
  const lines = passed
    .filter(({ clientId }) => clientId === place.clientId)
    .flatMap((one) => {
      const said = saidAbout(one, { ...place, topicId })
      return said === null ? [] : [`${one.atMs.toFixed(1)} connection ${one.connection} ${one.api.name} ${said}`]
    })
  return lines.slice(0, LINES_MAX)
}

function topicIdOf(passed: readonly Passed[], name: string): string {
  const answers = passed.filter(({ api, response }) => api.name === 'Metadata' && response !== undefined)
  const topics = answers.flatMap(({ response }) => (response as ResponseOf<typeof Metadata>).topics)
  return topics.find((topic) => topic.name === name)?.topicId ?? ''
}

/** Null where it says nothing about it. */
function saidAbout({ api, request, response }: Passed, place: Place & { topicId: string }): string | null {
  const { topic: name, partition, topicId } = place
  const isAsked = request !== undefined
  if (api.name === 'Fetch' && isAsked) {
    const topics = (request as RequestOf<typeof Fetch>).topics.filter((topic) => topic.topicId === topicId)
    const found = topics.flatMap(({ partitions }) => partitions).find((one) => one.partition === partition)
    return found === undefined ? null : `asks from offset ${found.fetchOffset} on`
  }
  if (api.name === 'OffsetFetch') {
    if (isAsked) return 'asks'
    const topics = (response as ResponseOf<typeof OffsetFetch>).groups.flatMap((group) => group.topics)
    const found = partitionsOf(topics, name).find(({ partitionIndex }) => partitionIndex === partition)
    return found === undefined ? 'answers without it' : `answers with offset ${found.committedOffset}`
  }
  if (api.name === 'OffsetCommit' && isAsked) {
    const { topics } = request as RequestOf<typeof OffsetCommit>
    const found = partitionsOf(topics, name).find(({ partitionIndex }) => partitionIndex === partition)
    return found === undefined ? null : `commits offset ${found.committedOffset}`
  }
  return null
}

function partitionsOf<T>(topics: readonly { name: string; partitions: readonly T[] }[], name: string): readonly T[] {
  return topics.filter((topic) => topic.name === name).flatMap(({ partitions }) => partitions)
}

process.exitCode = await main()
