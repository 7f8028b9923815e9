/** What a planner answers, and how plans become commits within the store's limits. Pure. */
import { assert } from '@ottla/base/assert.ts'
import { ProtocolError } from '@ottla/protocol/errors.ts'
import {
  type ChangeSet,
  COMMIT_BYTES_MAX,
  COMMIT_OPERATIONS_MAX,
  changeSetBytes,
  changeSetOperations,
} from './store.ts'

/** A command that passed all checks: what to write, in order, and what to answer once all of it is written. */
export interface Plan<Success> {
  /** Mostly one, none when there is nothing to change; several only for what does not fit into one commit. */
  readonly sets: readonly ChangeSet[]
  readonly success: Success
}

/** One commit, and the plans (by their place in the list) that are whole with it. */
export interface PackedCommit {
  readonly set: ChangeSet
  readonly finishes: readonly number[]
}

/** The controller adds the compare of its own epoch to each commit. */
export const SET_OPERATIONS_MAX = COMMIT_OPERATIONS_MAX - 1
export const SET_BYTES_MAX = COMMIT_BYTES_MAX - 1024

/** Runs a planner; the protocol errors that it throws are its outcome, everything else is a bug and goes on. */
export function attempt<Success>(plan: () => Success): Success | ProtocolError {
  try {
    return plan()
  } catch (error) {
    if (error instanceof ProtocolError) return error
    throw error
  }
}

/** As few commits as the limits allow, each plan's sets in their order. */
export function pack(plans: readonly (readonly ChangeSet[])[]): PackedCommit[] {
  const commits: { set: ChangeSet; finishes: number[] }[] = []
  for (const [i, sets] of plans.entries()) {
    for (const set of sets) {
      assert(fits(set), 'A change set fits into a commit')
      const last = commits.at(-1)
      const joined = last === undefined || overlap(last.set, set) ? null : join(last.set, set)
      if (last !== undefined && joined !== null && fits(joined)) last.set = joined
      else commits.push({ set, finishes: [] })
    }
    if (sets.length > 0) commits.at(-1)!.finishes.push(i)
  }
  return commits
}

/** Cuts puts or deletes that may come in any order into sets that fit. */
export function cut(changes: Pick<ChangeSet, 'puts' | 'deletes'>): ChangeSet[] {
  const single: ChangeSet[] = [
    ...changes.puts.map((put) => ({ ifRevision: [], puts: [put], deletes: [] })),
    ...changes.deletes.map((key) => ({ ifRevision: [], puts: [], deletes: [key] })),
  ]
  return pack(single.map((set) => [set])).map(({ set }) => set)
}

function fits(set: ChangeSet): boolean {
  return changeSetOperations(set) <= SET_OPERATIONS_MAX && changeSetBytes(set) <= SET_BYTES_MAX
}

/** A store takes each key once a commit. What the second one compares has changed by then, so it is refused. */
function overlap(first: ChangeSet, second: ChangeSet): boolean {
  const written = new Set(writtenKeys(first))
  return writtenKeys(second).some((key) => written.has(key))
}

function writtenKeys({ puts, deletes }: ChangeSet): string[] {
  return [...puts.map(({ key }) => key), ...deletes]
}

function join(first: ChangeSet, second: ChangeSet): ChangeSet {
  return {
    ifRevision: [...first.ifRevision, ...second.ifRevision],
    puts: [...first.puts, ...second.puts],
    deletes: [...first.deletes, ...second.deletes],
  }
}
