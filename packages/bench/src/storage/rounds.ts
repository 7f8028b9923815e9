/**
 * Owns measuring: in each round every slot has every workload once, so that what the machine does meanwhile falls on all
 * of them alike. A first round of each process is not counted: it warms the broker.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { BenchPorts } from '../broker-process.ts'
import { Brokers } from './brokers.ts'
import type { Filled, Notes, Sample, Slot, SystemCalls } from './plan.ts'
import { type CpuUsed, cpuBetween, readCpu } from './process-cpu.ts'
import { parseSystemCalls } from './system-calls.ts'
import type { WireLoad } from './wire-load.ts'
import { type Prepared, type Target, WORKLOADS, type Workload } from './workloads.ts'

export interface RoundsOptions {
  readonly ports: BenchPorts
  readonly directory: string
  readonly slots: readonly Slot[]
  readonly filled: (slot: Slot) => Filled
  readonly progress: (line: string) => void
}

/** Before strace has attached to every thread, and until it has written what it counted. */
const ATTACH_MS = 1000

/** Runs one workload on one slot and answers what it cost. */
type Meter<T> = (
  step: { slot: Slot; workload: Workload; pid: number; round: number },
  run: () => Promise<{ batches: number; seconds: number }>,
) => Promise<T>

export async function measureRounds(rounds: number, notes: Notes<Sample>, options: RoundsOptions): Promise<void> {
  const first = 1 + Math.max(0, ...notes.all.map(({ round }) => round))
  const { disk } = options.ports
  const measure: Meter<Sample | null> = async ({ slot, workload, pid, round }, run) => {
    const before = readCpu(disk, pid)
    const { batches, seconds } = await run()
    const used = cpuBetween(before, readCpu(disk, pid))
    return round === 0 ? null : sampleOf({ slot, workload, round: first + round - 1, batches, seconds, used })
  }
  await eachStep(rounds, options, measure, (sample) => {
    if (sample !== null) notes.add(sample)
  })
}

/** Counts the broker's system calls with strace, which slows it down: for nothing but counting. */
export async function countSystemCalls(notes: Notes<SystemCalls>, options: RoundsOptions): Promise<void> {
  const count: Meter<SystemCalls | null> = async ({ slot, workload, pid, round }, run) => {
    if (round === 0) {
      await run()
      return null
    }
    const path = `${options.directory}/strace.txt`
    const strace = spawn('strace', ['-c', '-f', '-p', String(pid), '-o', path], { stdio: 'ignore' })
    await options.ports.timers.sleep(ATTACH_MS)
    const { batches } = await run()
    strace.kill('SIGINT')
    await once(strace, 'exit')
    const calls = parseSystemCalls(options.ports.disk.readFile(path).toString())
    const { experiment, title, topic } = slot
    return { experiment, title, topic, workload: workload.name, batches, calls }
  }
  await eachStep(1, options, count, (counted) => {
    if (counted !== null) notes.add(counted)
  })
}

async function eachStep<T>(
  rounds: number,
  options: RoundsOptions,
  meter: Meter<T>,
  done: (outcome: T) => void,
): Promise<void> {
  await using brokers = new Brokers(options)
  for (let round = 0; round <= rounds; round++) {
    for (const slot of options.slots) {
      const { broker, load } = await brokers.turnOf(slot)
      for (const workload of WORKLOADS.filter(({ experiments }) => experiments.includes(slot.experiment))) {
        const nowMs = options.ports.clock.wallMs()
        const target: Target = { slot, load, nowMs, round, filled: options.filled(slot) }
        const prepared = await workload.prepare(target)
        done(await meter({ slot, workload, pid: broker.pid, round }, async () => await runPrepared(load, prepared)))
      }
    }
    options.progress(round === 0 ? 'warm' : `round ${round} of ${rounds}`)
  }
}

async function runPrepared(load: WireLoad, prepared: Prepared): Promise<{ batches: number; seconds: number }> {
  const { requests, depth, check } = prepared
  const seconds = await load.run({ count: requests.length, depth, request: (index) => requests[index]!, check })
  return { batches: requests.length, seconds }
}

function sampleOf(measured: {
  slot: Slot
  workload: Workload
  round: number
  batches: number
  seconds: number
  used: CpuUsed
}): Sample {
  const { slot, workload, round, batches, seconds, used } = measured
  const { experiment, title, topic } = slot
  return { experiment, title, topic, workload: workload.name, round, batches, seconds, ...used }
}
