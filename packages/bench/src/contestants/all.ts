/** Who can be measured. A new contestant stands here; rows that do not fit it name those that they are for. */
import type { Contestant, ContestantName } from './contestant.ts'
import { KAFKA } from './kafka.ts'
import { OTTLA } from './ottla.ts'

export const CONTESTANTS: Readonly<Record<ContestantName, Contestant>> = { ottla: OTTLA, kafka: KAFKA }

/** Who Ottla can be measured against. */
export const PEERS: readonly ContestantName[] = ['kafka']

export function isPeer(name: string): name is ContestantName {
  return (PEERS as readonly string[]).includes(name)
}
