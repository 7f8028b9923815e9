/**
 * Owns what is done to a slot's topic while its broker is measured. Every request is for one batch of one partition and
 * encoded before the clock runs, so that `per batch` means the same everywhere.
 *
 * `spread` goes to all partitions of the slot in turn, in an order without locality; the others go to the first alone.
 */
import { assert } from '@ottla/base/assert.ts'
import { type Random, seededRandom } from '@ottla/base/random.ts'
import { batchOf } from './fill.ts'
import type { ExperimentName, Filled, Slot } from './plan.ts'
import {
  checkFetched,
  checkListed,
  checkProduced,
  fetchRequest,
  LATEST,
  listedOffsets,
  listRequest,
  produceRequest,
} from './requests.ts'
import type { WireLoad } from './wire-load.ts'

export interface Target {
  readonly slot: Slot
  readonly filled: Filled
  readonly load: WireLoad
  /** The clock, in ms. */
  readonly nowMs: number
  /** Of the slices of all rounds so far: each has partitions and places of its own. */
  readonly turn: number
}

/** Requests that are ready to go. */
export interface Prepared {
  readonly requests: readonly Buffer[]
  /** Go before, so that what is counted finds the broker awake. */
  readonly uncounted: readonly Buffer[]
  readonly depth: number
  readonly check: (answer: Buffer) => void
}

export interface Workload {
  readonly name: string
  readonly experiments: readonly ExperimentName[]
  /** Whether its cost has to be the same in every slot; else it may follow the logarithm of the index. */
  readonly isConstant: boolean
  readonly prepare: (target: Target) => Prepared | Promise<Prepared>
}

const VALUE_BYTES = 1000
/** In a slice, as all that follow. */
const APPENDS = 2000
const PIPELINED_APPENDS = 6000
const PIPELINE_DEPTH = 32
const TAIL_FETCHES = 2000
/** How far behind the end a consumer at the tail is, in batches. */
const TAIL_BATCHES = 200
const MIDDLE_FETCHES = 200
const LOOKUPS = 200
/** One of so many requests goes before. */
const UNCOUNTED_SHARE = 1 / 10
const BOTH: readonly ExperimentName[] = ['sizes', 'partitions']

export const WORKLOADS: readonly Workload[] = [
  { name: 'append', experiments: BOTH, isConstant: true, prepare: (target) => appends(target, firstOnly) },
  { name: 'append, 32 in flight', experiments: BOTH, isConstant: true, prepare: pipelinedAppends },
  { name: 'tail fetch', experiments: BOTH, isConstant: true, prepare: (target) => tailFetches(target, firstOnly) },
  {
    name: 'append, spread',
    experiments: ['partitions'],
    isConstant: true,
    prepare: (target) => appends(target, spread),
  },
  {
    name: 'tail fetch, spread',
    experiments: ['partitions'],
    isConstant: true,
    prepare: (target) => tailFetches(target, spread),
  },
  { name: 'fetch from the middle', experiments: BOTH, isConstant: false, prepare: middleFetches },
  { name: 'ListOffsets by time', experiments: BOTH, isConstant: false, prepare: lookups },
]

/** Which partition the request with a number is for. */
type Choice = (slot: Slot, index: number) => number

const firstOnly: Choice = () => 0

/** Neighbours in time are no neighbours on the disk. */
const spread: Choice = ({ partitions }, index) => (index * 7919) % partitions

function appends({ slot, turn, nowMs }: Target, choose: Choice, depth = 1): Prepared {
  const records = batchOf(1, VALUE_BYTES, nowMs)
  const count = depth === 1 ? APPENDS : PIPELINED_APPENDS
  const request = (_: unknown, index: number) =>
    produceRequest(slot.topic, [{ partition: choose(slot, turn * count + index), records }])
  const requests = Array.from({ length: count }, request)
  // A log that nobody has written to for a while is at rest: each is written to once before.
  const uncounted = choose === spread ? Array.from({ length: slot.partitions }, request) : someOf(requests)
  return { requests, uncounted, depth, check: checkProduced }
}

function someOf(requests: readonly Buffer[]): readonly Buffer[] {
  return requests.slice(0, requests.length * UNCOUNTED_SHARE)
}

function pipelinedAppends(target: Target): Prepared {
  return appends(target, firstOnly, PIPELINE_DEPTH)
}

async function tailFetches({ slot, load, turn }: Target, choose: Choice): Promise<Prepared> {
  const wanted = Array.from({ length: TAIL_FETCHES }, (_, index) => choose(slot, turn * TAIL_FETCHES + index))
  const ends = await endsOf(slot, load)
  const requests = wanted.map((partition, index) => {
    const back = choose === firstOnly ? 1 + (index % TAIL_BATCHES) : 1
    return fetchRequest(slot.topic, [{ partition, offset: ends.get(partition)! - back }])
  })
  return { requests, uncounted: someOf(requests), depth: 1, check: checkFetched }
}

function middleFetches({ slot, filled, turn }: Target): Prepared {
  const random = randomOf(slot, turn)
  const requests = Array.from({ length: MIDDLE_FETCHES }, (_, index) => {
    const offset = random.below(filled.records)
    return fetchRequest(slot.topic, [{ partition: index % slot.partitions, offset }])
  })
  return { requests, uncounted: someOf(requests), depth: 1, check: checkFetched }
}

function lookups({ slot, filled, turn }: Target): Prepared {
  const random = randomOf(slot, turn)
  const requests = Array.from({ length: LOOKUPS }, (_, index) => {
    const timestamp = filled.firstMs + random.below(filled.lastMs - filled.firstMs + 1)
    return listRequest(slot.topic, [{ partition: index % slot.partitions, timestamp }])
  })
  return { requests, uncounted: someOf(requests), depth: 1, check: checkListed }
}

async function endsOf(slot: Slot, load: WireLoad): Promise<Map<number, number>> {
  let ends = new Map<number, number>()
  const times = Array.from({ length: slot.partitions }, (_, partition) => ({ partition, timestamp: LATEST }))
  const check = (answer: Buffer) => {
    ends = listedOffsets(answer)
  }
  await load.run({ count: 1, depth: 1, request: () => listRequest(slot.topic, times), check })
  assert(ends.size === slot.partitions, 'Every partition has an end')
  return ends
}

function randomOf({ topic, partitions }: Slot, turn: number): Random {
  return seededRandom(`${topic} ${partitions} ${turn}`)
}
