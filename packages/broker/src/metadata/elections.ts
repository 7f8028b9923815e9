/**
 * What becomes of one partition's state when replicas come, go or fall behind: its in-sync set, its leader, its eligible
 * leader replicas (KIP-966), its reassignment (KIP-455) and its epochs. Pure; the plans of `liveness-plans.ts`,
 * `isr-plans.ts` and `reassignment-plans.ts` are made of it.
 *
 * Invariants: a leader is in the ISR; without a leader nobody writes. The ISR and the ELR share no member. A replica
 * that leaves the ISR while fewer than `min.insync.replicas` stay in it becomes an eligible leader: the high watermark
 * does not move until enough are back, so it has everything that was ever acknowledged. Whichever change brings the last
 * of the replicas that a reassignment leaves into the ISR ends it: no step is left to be remembered. Where a broker stops
 * being a replica the leader epoch rises, so that what it still says of the partition counts for nothing.
 */
import { assert } from '@ottla/base/assert.ts'
import { NO_LEADER, type PartitionImage } from './image.ts'

export interface ElectionRules {
  /** Whether the broker may lead or be in sync: alive, not fenced, not being stopped. */
  readonly isEligible: (brokerId: number) => boolean
  /** The topic's `min.insync.replicas`. */
  readonly minInSyncReplicas: number
  /** `unclean.leader.election.enable`: a leader without everything that was acknowledged rather than none. */
  readonly unclean: boolean
  /** Whether the feature eligible.leader.replicas.version is finalized. */
  readonly usesElr: boolean
}

/** Who holds a partition. */
export interface Assignment {
  /** See PartitionImage. */
  readonly replicas: readonly number[]
  readonly adding: readonly number[]
  readonly removing: readonly number[]
}

export interface PartitionChange {
  /** Left out: as it is. */
  readonly assignment?: Assignment
  /** The new ISR; left out: as it is. */
  readonly isr?: readonly number[]
  /** Replicas whose data is gone: not eligible, whatever they were. */
  readonly lost?: readonly number[]
  /** `keep` the leader where it can stay, elect the `preferred` one where it can lead, or make a `renewed` epoch. */
  readonly leader?: 'keep' | 'preferred' | 'renewed'
}

/** The partition after the change, or the same object where nothing changes. */
export function changePartition(before: PartitionImage, change: PartitionChange, rules: ElectionRules): PartitionImage {
  const { assignment, sets } = nextMembers(before, change, rules)
  const held = { ...before, replicas: assignment.replicas, addingReplicas: assignment.adding }
  const { leader, isr, elr } = electLeader(held, { ...sets, policy: change.leader ?? 'keep' }, rules)
  const isOneGone = before.replicas.some((id) => !assignment.replicas.includes(id))
  const isRenewed = (change.leader === 'renewed' || isOneGone) && leader !== NO_LEADER
  const isLeaderChanged = leader !== before.leader || isRenewed
  const isSameSets = sameSet(isr, before.isr) && sameSet(elr, elrOf(before))
  if (!isLeaderChanged && isSameSets && isSameAssignment(assignment, assignmentOf(before))) return before
  assert(leader === NO_LEADER || isr.includes(leader), 'A leader is in sync')
  assert(
    isr.every((id) => assignment.replicas.includes(id)),
    'Who is in sync is a replica',
  )
  return {
    index: before.index,
    replicas: assignment.replicas,
    isr,
    leader,
    leaderEpoch: before.leaderEpoch + (isLeaderChanged ? 1 : 0),
    partitionEpoch: before.partitionEpoch + 1,
    ...(elr.length > 0 && { elr }),
    ...(assignment.adding.length > 0 && { addingReplicas: assignment.adding }),
    ...(assignment.removing.length > 0 && { removingReplicas: assignment.removing }),
  }
}

export function assignmentOf({ replicas, addingReplicas, removingReplicas }: PartitionImage): Assignment {
  return { replicas, adding: addingReplicas ?? [], removing: removingReplicas ?? [] }
}

/** Who holds it and who is in sync, with a reassignment that has come to its end ended. */
function nextMembers(
  before: PartitionImage,
  change: PartitionChange,
  rules: ElectionRules,
): { assignment: Assignment; sets: Sets } {
  const asked = change.assignment ?? assignmentOf(before)
  const sets = nextSets({ ...before, replicas: asked.replicas }, change, rules)
  if (!isComplete(asked, sets.isr)) return { assignment: asked, sets }
  const replicas = staying(asked)
  const assignment = { replicas, adding: [], removing: [] }
  return { assignment, sets: nextSets({ ...before, replicas }, { ...change, isr: sets.isr }, rules) }
}

/** All who stay are in sync, also those that were there before: nobody goes while one of them could not take his place. */
function isComplete(assignment: Assignment, isr: readonly number[]): boolean {
  const { adding, removing } = assignment
  if (adding.length === 0 && removing.length === 0) return false
  return staying(assignment).every((id) => isr.includes(id))
}

function staying({ replicas, removing }: Assignment): readonly number[] {
  return replicas.filter((id) => !removing.includes(id))
}

export function elrOf(partition: PartitionImage): readonly number[] {
  return partition.elr ?? []
}

interface Sets {
  readonly isr: readonly number[]
  readonly elr: readonly number[]
}

function nextSets(before: PartitionImage, change: PartitionChange, rules: ElectionRules): Sets {
  const lost = change.lost ?? []
  const wanted = (change.isr ?? before.isr).filter((id) => before.replicas.includes(id) && !lost.includes(id))
  if (!rules.usesElr) return { isr: wanted.length > 0 ? wanted : lastMember(before, lost), elr: [] }
  const enough = Math.min(rules.minInSyncReplicas, before.replicas.length)
  if (wanted.length >= enough) return { isr: wanted, elr: [] }
  // With fewer asked for than when they left, the high watermark has moved on without them (min.insync.replicas was lowered).
  const eligible = before.isr.length >= enough ? [] : elrOf(before)
  const candidates = [...eligible, ...before.isr.filter((id) => !eligible.includes(id))]
  const elr = candidates.filter((id) => before.replicas.includes(id) && !wanted.includes(id) && !lost.includes(id))
  return { isr: wanted, elr }
}

/** Without eligible leader replicas the last one in sync is never forgotten: it alone may lead again. */
function lastMember(before: PartitionImage, lost: readonly number[]): readonly number[] {
  // The feature was switched off while nobody was in sync: of the eligible leaders the last is who led last.
  const inSync = before.isr.length > 0 ? before.isr : elrOf(before).slice(-1)
  const kept = inSync.filter((id) => !lost.includes(id))
  if (kept.includes(before.leader)) return [before.leader]
  // Where even its data is lost only an unclean election helps, and the ISR says whose it was.
  return kept.length > 0 ? kept.slice(0, 1) : inSync.slice(0, 1)
}

function electLeader(
  before: PartitionImage,
  { isr, elr, policy }: Sets & { policy: NonNullable<PartitionChange['leader']> },
  rules: ElectionRules,
): Sets & { leader: number } {
  const mayLead = (id: number): boolean => isr.includes(id) && rules.isEligible(id)
  const preferred = before.replicas[0]!
  if (policy === 'preferred' && mayLead(preferred)) return { leader: preferred, isr, elr }
  if (mayLead(before.leader)) return { leader: before.leader, isr, elr }
  const inSync = before.replicas.find(mayLead)
  if (inSync !== undefined) return { leader: inSync, isr, elr }
  const eligible = isr.length === 0 ? before.replicas.find((id) => elr.includes(id) && rules.isEligible(id)) : undefined
  if (eligible !== undefined) return leadsAlone(eligible, elr)
  const unclean = rules.unclean ? anyReplica(before, rules) : undefined
  // Whatever others had beyond it is given up: nobody may lead with it later.
  if (unclean !== undefined) return { leader: unclean, isr: [unclean], elr: [] }
  return { leader: NO_LEADER, isr, elr }
}

/** One that is only just coming may have nothing at all: the others go first. */
function anyReplica({ replicas, addingReplicas = [] }: PartitionImage, rules: ElectionRules): number | undefined {
  const eligible = replicas.filter(rules.isEligible)
  return eligible.find((id) => !addingReplicas.includes(id)) ?? eligible[0]
}

function leadsAlone(id: number, elr: readonly number[]): Sets & { leader: number } {
  return { leader: id, isr: [id], elr: elr.filter((other) => other !== id) }
}

function isSameAssignment(left: Assignment, right: Assignment): boolean {
  const isSameOrder = `${left.replicas}` === `${right.replicas}`
  return isSameOrder && sameSet(left.adding, right.adding) && sameSet(left.removing, right.removing)
}

function sameSet(left: readonly number[], right: readonly number[]): boolean {
  return left.length === right.length && left.every((id) => right.includes(id))
}
