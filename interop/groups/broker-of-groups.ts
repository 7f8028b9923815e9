/** Owns the settings of the brokers that groups are tested on, and their start. */
import { BrokerProcess } from '../broker-process.ts'
import { HEARTBEAT_MS, SESSION_MS } from './party.ts'

/** How long a new group waits for more members; each that comes meanwhile prolongs it by as much. */
const INITIAL_REBALANCE_DELAY_MS = 2000

const SETTINGS = {
  // One partition, so that an observer follows one log.
  'offsets.topic.num.partitions': 1,
  'group.initial.rebalance.delay.ms': INITIAL_REBALANCE_DELAY_MS,
  'group.min.session.timeout.ms': SESSION_MS,
  'group.consumer.min.session.timeout.ms': SESSION_MS,
  'group.consumer.session.timeout.ms': SESSION_MS,
  'group.consumer.min.heartbeat.interval.ms': HEARTBEAT_MS,
  'group.consumer.heartbeat.interval.ms': HEARTBEAT_MS,
}

/** `listen` takes the place of one that was killed. */
export async function startBrokerOfGroups(options: { dataDir: string; listen?: string }): Promise<BrokerProcess> {
  const args = Object.entries(SETTINGS).flatMap(([name, value]) => ['--set', `${name}=${value}`])
  return await BrokerProcess.start({ ...options, args })
}
