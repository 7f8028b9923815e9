/** The timers of a member: their keys, unique in the shard. */

export type TimerPurpose = 'session' | 'rebalance' | 'join' | 'sync'

const PURPOSES: readonly TimerPurpose[] = ['session', 'rebalance', 'join', 'sync']

export function timerKey(groupId: string, memberId: string, purpose: TimerPurpose): string {
  return JSON.stringify(['consumer', groupId, memberId, purpose])
}

export function allTimerKeys(groupId: string, memberId: string): string[] {
  return PURPOSES.map((purpose) => timerKey(groupId, memberId, purpose))
}
