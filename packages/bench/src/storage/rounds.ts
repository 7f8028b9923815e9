/**
 * Owns measuring: in each round every slot has every workload, in slices that take turns with the other slots', there and
 * back again, so that what the machine does meanwhile falls on all of them alike. A sample is the sum of its slices.
 * The first rounds of each process are not counted: they warm the broker.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { BenchPorts } from '../broker-process.ts'
import { Brokers } from './brokers.ts'
import type { Filled, Notes, Sample, Slot, SystemCalls } from './plan.ts'
import { type CpuUsed, cpuBetween, readCpu, userShareOf } from './process-cpu.ts'
import { parseSystemCalls } from './system-calls.ts'
import type { WireLoad } from './wire-load.ts'
import { type Prepared, type Target, WORKLOADS, type Workload } from './workloads.ts'

export interface RoundsOptions {
  readonly ports: BenchPorts
  readonly directory: string
  readonly core: number | null
  readonly slots: readonly Slot[]
  readonly filled: (slot: Slot) => Filled
  readonly progress: (line: string) => void
}

/** Even: each slot is as often before another one as behind it. */
const SLICES = 4
const WARM_ROUNDS = 2
/** Before strace has attached to every thread, and until it has written what it counted. */
const ATTACH_MS = 1000

interface Step {
  readonly slot: Slot
  readonly workload: Workload
  readonly pid: number
}

interface Ran {
  readonly batches: number
  readonly seconds: number
}

/** What some slices have cost together. */
type Cost = Ran & CpuUsed

export async function measureRounds(rounds: number, notes: Notes<Sample>, options: RoundsOptions): Promise<void> {
  const first = 1 + Math.max(0, ...notes.all.map(({ round }) => round))
  const { disk } = options.ports
  await using brokers = new Brokers(options)
  for (let round = 0; round < WARM_ROUNDS + rounds; round++) {
    const costs = new Map<string, Cost & Step>()
    for (let slice = 0; slice < SLICES; slice++) {
      const turn = { number: (first + round) * SLICES + slice, isBack: slice % 2 === 1 }
      await eachStep(brokers, { ...options, turn }, async (step, run) => {
        const before = readCpu(disk, step.pid)
        const ran = await run()
        const key = `${step.slot.experiment} ${step.slot.title} ${step.workload.name}`
        costs.set(key, { ...step, ...sum(costs.get(key), { ...ran, ...cpuBetween(before, readCpu(disk, step.pid)) }) })
      })
    }
    const counted = round - WARM_ROUNDS
    if (counted >= 0) notes.add(...Array.from(costs.values(), (cost) => sampleOf(cost, first + counted)))
    options.progress(counted < 0 ? 'warming' : `round ${counted + 1} of ${rounds}`)
  }
}

/** Counts the broker's system calls with strace, which slows it down: for nothing but counting. */
export async function countSystemCalls(notes: Notes<SystemCalls>, options: RoundsOptions): Promise<void> {
  const path = `${options.directory}/strace.txt`
  await using brokers = new Brokers(options)
  await eachStep(brokers, { ...options, turn: { number: 0, isBack: false } }, async (_, run) => void (await run()))
  options.progress('warm')
  await eachStep(brokers, { ...options, turn: { number: 1, isBack: false } }, async ({ slot, workload, pid }, run) => {
    const strace = spawn('strace', ['-c', '-f', '-p', String(pid), '-o', path], { stdio: 'ignore' })
    await options.ports.timers.sleep(ATTACH_MS)
    const { batches } = await run()
    strace.kill('SIGINT')
    await once(strace, 'exit')
    const calls = parseSystemCalls(options.ports.disk.readFile(path).toString())
    const { experiment, title, topic } = slot
    notes.add({ experiment, title, topic, workload: workload.name, batches, calls })
  })
}

/** Every workload on every slot once; the slots take turns within a workload. */
async function eachStep(
  brokers: Brokers,
  options: RoundsOptions & { readonly turn: { readonly number: number; readonly isBack: boolean } },
  meter: (step: Step, run: () => Promise<Ran>) => Promise<void>,
): Promise<void> {
  const { slots, turn, ports, filled } = options
  const inOrder = turn.isBack ? slots.toReversed() : slots
  for (const workload of WORKLOADS) {
    for (const slot of inOrder.filter(({ experiment }) => workload.experiments.includes(experiment))) {
      const { broker, load } = await brokers.turnOf(slot)
      const target: Target = { slot, load, nowMs: ports.clock.wallMs(), turn: turn.number, filled: filled(slot) }
      const prepared = await workload.prepare(target)
      await runPrepared(load, { ...prepared, requests: prepared.uncounted })
      await meter({ slot, workload, pid: broker.pid }, () => runPrepared(load, prepared))
    }
  }
}

async function runPrepared(load: WireLoad, { requests, depth, check }: Prepared): Promise<Ran> {
  if (requests.length === 0) return { batches: 0, seconds: 0 }
  const seconds = await load.run({ count: requests.length, depth, request: (index) => requests[index]!, check })
  return { batches: requests.length, seconds }
}

function sum(before: Cost | undefined, cost: Cost): Cost {
  if (before === undefined) return cost
  return {
    batches: before.batches + cost.batches,
    seconds: before.seconds + cost.seconds,
    cpuSeconds: before.cpuSeconds + cost.cpuSeconds,
    userTicks: before.userTicks + cost.userTicks,
    systemTicks: before.systemTicks + cost.systemTicks,
  }
}

function sampleOf({ slot, workload, batches, seconds, ...used }: Cost & Step, round: number): Sample {
  const { experiment, title, topic } = slot
  const { cpuSeconds } = used
  const userShare = userShareOf(used)
  return { experiment, title, topic, workload: workload.name, round, batches, seconds, cpuSeconds, userShare }
}
