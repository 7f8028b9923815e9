/** The thread that keeps this broker's leases of etcd alive, with connections of its own. Owns nothing but them. */
import { systemClock } from '@ottla/base/clock.ts'
import type { CompanionHost } from '@ottla/base/companion.ts'
import { serveCompanion } from '@ottla/base/node-companion.ts'
import { systemTimers } from '@ottla/base/node-timers.ts'
import { type ChannelOptions, EtcdChannel } from './channel.ts'
import { LeaseClock } from './lease-clock.ts'
import { type KeptLease, type LeaseNews, LeaseRounds } from './lease-rounds.ts'
import { LEASE_KEEP_ALIVE } from './messages.ts'

export interface LeaseThreadData {
  readonly shared: SharedArrayBuffer
  readonly channel: Omit<ChannelOptions, 'clock' | 'timers'>
}

export type LeaseCommand =
  | { readonly type: 'keep'; readonly lease: KeptLease }
  | { readonly type: 'drop'; readonly slot: number }

const MS_PER_SECOND = 1000

async function run(host: CompanionHost): Promise<void> {
  const { shared, channel: options } = host.data as LeaseThreadData
  const [clock, timers] = [systemClock, systemTimers]
  const commands: LeaseCommand[] = []
  host.onMessage = (command) => commands.push(command as LeaseCommand)
  const channel = await EtcdChannel.open({ ...options, clock, timers })
  const rounds = new LeaseRounds({
    ...{ leases: new LeaseClock(shared), clock, timers },
    keepAlive: async (id, timeoutMs) => {
      const { ttlSeconds } = await channel.exchange(LEASE_KEEP_ALIVE, { id }, { timeoutMs })
      return ttlSeconds * MS_PER_SECOND
    },
    tell: (news: LeaseNews) => host.post(news),
  })
  const obey = (command: LeaseCommand) =>
    command.type === 'keep' ? rounds.keep(command.lease) : rounds.drop(command.slot)
  host.onMessage = (command) => obey(command as LeaseCommand)
  commands.forEach(obey)
}

serveCompanion((host) => void run(host))
