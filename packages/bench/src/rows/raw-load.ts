/** Owns how the generators of prebuilt Produce requests are run, at full speed and at a steady rate. */
import { type GeneratorResult, numberOf, runGenerator } from '../child.ts'
import { produceErrorAt, produceFrame } from '../frames.ts'
import { type Generator, programOf } from '../generators.ts'
import type { Outcome, RowRun } from '../row.ts'

export interface RawLoad {
  readonly acks: 1 | -1
  /** In a request. */
  readonly recordCount: number
  readonly connections: number
  readonly partitions: number
}

export interface RawSeconds {
  readonly warmUp: number
  readonly run: number
}

export const RAW_VALUE_BYTES = 100
const RUN_MS_MAX = 120_000

/** Connections go to the partitions in turn. */
export async function runRaw(
  run: RowRun,
  load: RawLoad,
  { generator, options }: { generator: Generator; options: readonly (string | number)[] },
): Promise<GeneratorResult> {
  const { topic, directory, ports } = run
  const timestampMs = ports.clock.wallMs()
  const frames = Array.from({ length: load.partitions }, (_, partition) =>
    produceFrame({ ...load, topic, partition, valueBytes: RAW_VALUE_BYTES, timestampMs }),
  )
  const path = `${directory}/${topic}.frames`
  ports.disk.replaceFile(path, Buffer.concat(frames))
  const where = ['-b', run.bootstrap, '-f', path, '-e', produceErrorAt(topic), '-c', load.connections]
  const argv = [...where, ...options].map(String)
  return await runGenerator(programOf(run.generators, generator), argv, { timeoutMs: RUN_MS_MAX })
}

/** Each connection has up to `depth` requests unanswered. */
export async function produceAtFullSpeed(
  run: RowRun,
  load: RawLoad & { readonly depth: number },
  seconds: RawSeconds,
): Promise<Outcome> {
  const options = ['-d', load.depth, '-w', seconds.warmUp, '-t', seconds.run]
  const result = await runRaw(run, load, { generator: 'raw-produce', options })
  const requests = numberOf(result, 'requests')
  const perSecond = requests / numberOf(result, 'seconds')
  const messages = numberOf(result, 'allRequests') * load.recordCount
  return {
    figures: { 'requests/s': perSecond, 'messages/s': perSecond * load.recordCount },
    messages,
    bytes: messages * RAW_VALUE_BYTES,
    loadCpuPerMillion: (numberOf(result, 'cpuSeconds') / (requests * load.recordCount)) * 1e6,
  }
}
