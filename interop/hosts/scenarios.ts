/** Owns the list of what is done to clusters on hosts, and how soon producers have to go on after it. */
import { systemTimers } from '@ottla/base/node-timers.ts'
import type { Cut } from './cuts.ts'
import type { HostCluster } from './host-cluster.ts'

/** The default of `broker.session.timeout.ms`. */
export const SESSION_MS = 9_000
/** Of each client's topic. */
export const PARTITIONS = 2
/** etcd's election time-out, its spread, and the vote. */
const ETCD_ELECTION_MS = 3_000
const MARGIN_MS = 2_000
const KILL_MS_MAX = 3_000
const STOP_MS_MAX = 1_000
const SILENCE_MS_MAX = SESSION_MS + MARGIN_MS
/** The broker that leads what everybody produces to also is, or is not: */
export type VictimRole = 'neither' | 'controller' | 'controller and coordinator' | 'beside the leader of etcd'

export interface Scene {
  readonly cluster: HostCluster
  /** Leads a partition of each client's topic, and has the named role. */
  readonly victim: number
  readonly others: readonly number[]
}

export interface Scenario {
  readonly name: string
  readonly hosts?: 3 | 5
  readonly victim: VictimRole
  /** The longest time that a producer may have to do without an acknowledgement. */
  readonly gapMsMax: number
  /**
   * Clients find a leader that says nothing by their own request time-out, unless they look elsewhere before that: those
   * of others do not, and may take that long in addition.
   */
  readonly isSilent?: true
  /** Nobody goes on before it is mended. */
  readonly isMendedUnresumed?: true
  readonly strike: (scene: Scene) => Promise<void> | void
  /** How long it is left so, at least. */
  readonly leftMs: number
  /** Afterwards all brokers run and hear each other. */
  readonly mend: (scene: Scene) => Promise<void> | void
}

export const SCENARIOS: readonly Scenario[] = [
  killed('kill -9 of the leader', 'neither'),
  killed('kill -9 of the leader and controller', 'controller'),
  killed('kill -9 of the leader, controller and coordinator', 'controller and coordinator'),
  {
    ...killed('kill -9 of the leader, its disk emptied', 'neither'),
    mend: ({ cluster, victim }) => cluster.brokers.restartEmptied(victim),
  },
  {
    name: 'clean stop of the leader',
    ...{ victim: 'controller', gapMsMax: STOP_MS_MAX, leftMs: 5_000 },
    strike: async ({ cluster, victim }) => void (await cluster.brokers.broker(victim).stop()),
    mend: ({ cluster, victim }) => cluster.brokers.restart(victim),
  },
  {
    name: 'rolling restart of all brokers',
    ...{ victim: 'controller', gapMsMax: KILL_MS_MAX, leftMs: 1_000 },
    strike: async ({ cluster }) => {
      for (const id of cluster.ids) {
        await cluster.brokers.broker(id).stop()
        await cluster.brokers.restart(id)
      }
    },
    mend: () => {},
  },
  paused('pause of the leader, shorter than a session', SESSION_MS / 3),
  paused('pause of the leader, longer than a session', 2 * SESSION_MS),
  cutOff('leader cut off from its peers', { from: 'peers' }),
  cutOff('leader cut off from etcd', { from: 'etcd' }),
  { ...cutOff('leader cut off from clients', { from: 'clients' }), ...unreachable() },
  silentCut('leader cut off from everything', { from: 'everything' }),
  cutOff('leader hears no peers', { from: 'peers', direction: 'in' }),
  cutOff('peers do not hear the leader', { from: 'peers', direction: 'out' }),
  cutOff('leader hears no etcd', { from: 'etcd', direction: 'in' }),
  cutOff('etcd does not hear the leader', { from: 'etcd', direction: 'out' }),
  silentCut('leader hears nobody', { from: 'everything', direction: 'in' }),
  silentCut('nobody hears the leader', { from: 'everything', direction: 'out' }),
  {
    ...silentCut('leader and leader of etcd cut off from everything', { from: 'everything' }),
    ...{ victim: 'beside the leader of etcd', gapMsMax: SILENCE_MS_MAX + ETCD_ELECTION_MS + SESSION_MS },
    leftMs: 2 * SESSION_MS + 2 * ETCD_ELECTION_MS,
  },
  {
    name: 'kill -9 of the leader of etcd',
    ...{ victim: 'beside the leader of etcd', gapMsMax: KILL_MS_MAX, leftMs: 2 * SESSION_MS },
    strike: ({ cluster, victim }) => cluster.etcdBeside(victim).kill(),
    mend: ({ cluster, victim }) => cluster.etcdBeside(victim).restart(),
  },
  {
    name: 'all of etcd paused, longer than a session',
    // Who cannot be known to lead acknowledges nothing: until etcd is back, and a moment longer.
    ...{ victim: 'neither', gapMsMax: 3 * SESSION_MS, leftMs: 2 * SESSION_MS, isMendedUnresumed: true },
    strike: ({ cluster }) => {
      for (const member of cluster.etcd) member.pause()
    },
    mend: ({ cluster }) => {
      for (const member of cluster.etcd) member.resume()
    },
  },
  { ...killed('five hosts: kill -9 of the leader and controller', 'controller'), hosts: 5 },
  { ...silentCut('five hosts: leader cut off from everything', { from: 'everything' }), hosts: 5 },
]

function killed(name: string, victim: VictimRole): Scenario {
  return {
    ...{ name, victim, gapMsMax: KILL_MS_MAX, leftMs: 6_000 },
    strike: async ({ cluster, victim: id }) => void (await cluster.brokers.broker(id).kill()),
    mend: ({ cluster, victim: id }) => cluster.brokers.restart(id),
  }
}

function paused(name: string, pauseMs: number): Scenario {
  return {
    ...{ name, victim: 'neither', gapMsMax: SILENCE_MS_MAX, isSilent: true, leftMs: SESSION_MS },
    strike: async ({ cluster, victim }) => {
      cluster.brokers.broker(victim).signal('SIGSTOP')
      await systemTimers.sleep(pauseMs)
      cluster.brokers.broker(victim).signal('SIGCONT')
    },
    mend: () => {},
  }
}

function cutOff(name: string, cut: Cut): Scenario {
  return {
    ...{ name, victim: 'neither', gapMsMax: SILENCE_MS_MAX, leftMs: SILENCE_MS_MAX + MARGIN_MS },
    strike: ({ cluster, victim }) => cluster.cut(victim, cut),
    mend: ({ cluster, victim }) => cluster.heal(victim),
  }
}

function silentCut(name: string, cut: Cut): Scenario {
  return { ...cutOff(name, cut), isSilent: true }
}

/**
 * The leader goes on leading, and nobody in the cluster can know better: producers go on when the cut is over. What was
 * under way is then sent again by the kernel, after at most as long again as it was cut.
 */
function unreachable(): Pick<Scenario, 'gapMsMax' | 'isSilent' | 'isMendedUnresumed' | 'leftMs'> {
  return { isMendedUnresumed: true, gapMsMax: SESSION_MS + SILENCE_MS_MAX, isSilent: true, leftMs: SESSION_MS }
}
