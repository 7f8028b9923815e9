/**
 * Owns one trial: a cluster on hosts under the load of every kind of client, one thing that is done to it, and what came
 * of it. Each client has a topic of two partitions; the victim leads one of them.
 */
import { systemClock } from '@ottla/base/clock.ts'
import { systemTimers } from '@ottla/base/node-timers.ts'
import { createTopics } from '@ottla/client/admin.ts'
import { type Client, openClient } from '@ottla/client/client.ts'
import { FindCoordinator } from '@ottla/protocol/apis/10-find-coordinator.ts'
import { untilIsr } from '../etcd/broker-cluster.ts'
import { CONFLUENT, type GroupClient, KAFKAJS, OTTLA_CLASSIC } from '../groups/clients.ts'
import { MemberProcess } from '../groups/member-process.ts'
import { waitUntil } from '../groups/wait-until.ts'
import { HostCluster } from './host-cluster.ts'
import { type ClientResult, type Participant, resultOf } from './result.ts'
import { PARTITIONS, type Scenario, type Scene } from './scenarios.ts'
import { STEADY_KINDS, SteadyClient } from './steady-client.ts'

const REPLICAS = 3
const HOSTS = 3
/** Of groups, to find one whose coordinator is, or is not, the victim. */
const GROUP_NAMES = 40
const MEMBERS: Readonly<Record<string, GroupClient>> = {
  ottla: OTTLA_CLASSIC,
  librdkafka: CONFLUENT,
  kafkajs: KAFKAJS,
}
/** The defaults of librdkafka and kafkajs that bound how soon another member may take over are of this order. */
const MEMBER_TIMES = { sessionTimeoutMs: 10_000, heartbeatMs: 3_000, metadataAgeMs: 300_000 }
/** Somebody whose last acknowledgement is older than this is not being acknowledged now. */
const FLOWING_MS = 500
/** What does not flow again by then never does. */
const RESUME_MS_MAX = 90_000
const CALM_MS = 2_000

export interface TrialResult {
  readonly scenario: Scenario
  readonly clients: readonly ClientResult[]
}

export async function trial(scenario: Scenario): Promise<TrialResult> {
  await using cluster = await HostCluster.start(scenario.hosts ?? HOSTS)
  try {
    await using client = await openClient({ bootstrap: cluster.bootstrap })
    return await new Trial(scenario, { cluster, client }).run()
  } catch (error) {
    throw new Error(`"${scenario.name}": the brokers' logs are\n${cluster.brokers.logs}`, { cause: error })
  }
}

class Trial {
  readonly #scenario: Scenario
  readonly #cluster: HostCluster
  readonly #client: Client

  constructor(scenario: Scenario, world: { cluster: HostCluster; client: Client }) {
    this.#scenario = scenario
    this.#cluster = world.cluster
    this.#client = world.client
  }

  async run(): Promise<TrialResult> {
    const scene = await this.#scene()
    await using stack = new AsyncDisposableStack()
    const participants = await this.#participants(scene, stack)
    await this.#flowing(participants)
    const struckMs = systemClock.wallMs()
    await this.#strike(scene, participants)
    const untilMs = systemClock.wallMs()
    await Promise.all(participants.map(({ steady }) => steady.finish()))
    const clients: ClientResult[] = []
    for (const participant of participants) {
      await untilIsr(this.#client, participant.steady.topic, replicasOf(scene).toSorted())
      clients.push(await resultOf(participant, { client: this.#client, fromMs: struckMs, untilMs, scene }))
    }
    return { scenario: this.#scenario, clients }
  }

  /** What is to happen happens, and is over; producers go on at both times. */
  async #strike(scene: Scene, participants: readonly Participant[]): Promise<void> {
    const { strike, mend, leftMs, isSilent, isMendedUnresumed } = this.#scenario
    await strike(scene)
    await systemTimers.sleep(leftMs)
    const able = participants.filter(({ steady }) => !(isSilent && steady.kind.isFaithful))
    if (isMendedUnresumed !== true) await this.#flowing(able)
    await mend(scene)
    await this.#flowing(participants)
    await systemTimers.sleep(CALM_MS)
    await this.#flowing(participants)
  }

  async #scene(): Promise<Scene> {
    const [controller, etcdLeader] = await Promise.all([this.#cluster.controller(), this.#cluster.etcdLeader()])
    const { ids } = this.#cluster
    const wanted = {
      neither: ids.find((id) => id !== controller && id !== etcdLeader)!,
      controller,
      'controller and coordinator': controller,
      'beside the leader of etcd': etcdLeader,
    }
    const victim = wanted[this.#scenario.victim]
    return { cluster: this.#cluster, victim, others: ids.filter((id) => id !== victim) }
  }

  async #participants(scene: Scene, stack: AsyncDisposableStack): Promise<Participant[]> {
    const { bootstrap } = this.#cluster
    const replicas = replicasOf(scene)
    const assignments = [replicas, [...replicas.slice(1), replicas[0]!]]
    const topics = STEADY_KINDS.map(({ name }) => ({ name: `of-${name}`, assignments }))
    for (const { error } of await createTopics(this.#client, topics)) if (error !== null) throw error
    const groups = await this.#groups(scene)
    return STEADY_KINDS.map((kind, i) => {
      const { name: topic } = topics[i]!
      const steady = stack.use(new SteadyClient(kind, { bootstrap, topic, partitions: PARTITIONS }))
      const { program, assignors } = MEMBERS[kind.name]!
      const member = stack.use(new MemberProcess(program(bootstrap)))
      const [assignor] = Object.keys(assignors)
      member.send({
        do: 'join',
        member: kind.name,
        group: groups[i]!,
        topics: [topic],
        assignor: assignor!,
        ...MEMBER_TIMES,
      })
      return { steady, member }
    })
  }

  /** One for each kind of client, all coordinated by the victim or all by others. */
  async #groups({ victim }: Scene): Promise<string[]> {
    const isVictims = this.#scenario.victim === 'controller and coordinator'
    const coordinatorKeys = Array.from({ length: GROUP_NAMES }, (_, i) => `group-${i}`)
    const connection = await this.#client.connections.any()
    return await waitUntil('coordinators for all groups', async () => {
      const { coordinators } = await connection.request(FindCoordinator, { keyType: 0, coordinatorKeys })
      const fit = coordinators.filter(({ nodeId, errorCode }) => errorCode === 0 && (nodeId === victim) === isVictims)
      if (fit.length < STEADY_KINDS.length) return { missing: `${fit.length} groups have theirs` }
      return { found: fit.map(({ key }) => key) }
    })
  }

  /** Resolves once every partition of every client is being acknowledged. */
  async #flowing(participants: readonly Participant[]): Promise<void> {
    await waitUntil(
      'acknowledgements to every client in every partition',
      async () => {
        const missing = participants.flatMap(({ steady }) => still(steady))
        return missing.length === 0 ? { found: true } : { missing: missing.join(', ') }
      },
      RESUME_MS_MAX,
    )
  }
}

/** The victim first, which makes it the leader. */
function replicasOf({ victim, others }: Scene): number[] {
  return [victim, ...others].slice(0, REPLICAS)
}

/** The partitions that are not being acknowledged now. */
function still(steady: SteadyClient): string[] {
  const sinceMs = systemClock.wallMs() - FLOWING_MS
  return Array.from({ length: PARTITIONS }, (_, i) => i)
    .filter((partition) => !steady.acked.some((one) => one.partition === partition && one.atMs >= sinceMs))
    .map((partition) => `${steady.topic}-${partition} (${steady.failures.slice(-2).join('; ')})`)
}
