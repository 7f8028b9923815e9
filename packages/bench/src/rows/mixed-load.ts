/** Owns how the generator is run that produces at a steady rate while others consume, for rows of several kinds. */
import { type GeneratorResult, numberOf, runGenerator } from '../child.ts'
import { programOf } from '../generators.ts'
import type { RowRun } from '../row.ts'
import { propertiesOf } from './librdkafka-load.ts'

export interface MixedLoad {
  readonly partitions: number
  readonly bytes: number
  readonly acks: '1' | 'all'
  /** Of the producer, a second. */
  readonly messagesPerSecond: number
  readonly consumers: number
  /** That come to each consumer before it is done. */
  readonly consumed: number
  /** That are produced; until all consumers are done when left out. */
  readonly produced?: number
  /** Not to be done after so long is a failure. */
  readonly secondsMax: number
}

export interface MixedResult {
  /** Of all consumers together. */
  readonly consumedMegabytesPerSecond: number
  readonly producedMegabytesPerSecond: number
  /** From when a message was due to be sent to its acknowledgement. */
  readonly acknowledgedP50Ms: number
  readonly acknowledgedP99Ms: number
  /** In both directions. */
  readonly messages: number
  readonly cpuSeconds: number
}

/** What the generator needs beside the time of its load, in seconds. */
const SPARE_SECONDS = 60
const MEGABYTE = 1e6

/** With `samples` the times of acknowledgements go to that file. */
export async function runMixed(run: RowRun, load: MixedLoad, samples: string | null = null): Promise<MixedResult> {
  const argv = ['-b', run.bootstrap, '-t', run.topic, ...argumentsOf(load)]
  const options = { timeoutMs: (load.secondsMax + SPARE_SECONDS) * 1000 }
  const output = samples === null ? [] : ['-O', samples]
  return mixedResult(await runGenerator(programOf(run.generators, 'mixed'), [...argv, ...output], options), load.bytes)
}

export function mixedResult(result: GeneratorResult, bytes: number): MixedResult {
  const produced = numberOf(result, 'produced')
  return {
    consumedMegabytesPerSecond: numberOf(result, 'consumedBytes') / numberOf(result, 'consumeSeconds') / MEGABYTE,
    producedMegabytesPerSecond: (produced * bytes) / numberOf(result, 'seconds') / MEGABYTE,
    acknowledgedP50Ms: numberOf(result, 'acknowledged.p50'),
    acknowledgedP99Ms: numberOf(result, 'acknowledged.p99'),
    messages: produced + numberOf(result, 'consumed'),
    cpuSeconds: numberOf(result, 'cpuSeconds'),
  }
}

function argumentsOf({ partitions, bytes, messagesPerSecond, consumers, consumed, ...rest }: MixedLoad): string[] {
  const { produced, secondsMax, acks } = rest
  const numbers = ['-p', partitions, '-s', bytes, '-r', messagesPerSecond, '-c', consumers, '-n', consumed]
  const ends = ['-T', secondsMax, ...(produced === undefined ? [] : ['-m', produced])]
  return [...[...numbers, ...ends].map(String), ...propertiesOf({ acks })]
}
