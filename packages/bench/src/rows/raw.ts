/** Rows of prebuilt Produce requests: what the broker does when the client costs next to nothing. */
import { numberOf, runGenerator } from '../child.ts'
import { produceErrorAt, produceFrame } from '../frames.ts'
import { programOf } from '../generators.ts'
import type { Group, Outcome, Row, RowRun, Target } from '../row.ts'

interface RawLoad {
  readonly acks: 1 | -1
  /** In a request. */
  readonly recordCount: number
  /** Requests that a connection has unanswered. */
  readonly depth: number
}

const CONNECTIONS = 8
const VALUE_BYTES = 100
const SECONDS = { full: { warmUp: 1, run: 3 }, quick: { warmUp: 1, run: 2 } }
const RUN_MS_MAX = 60_000
/** Kafka's producers have up to 5 requests in flight (max.in.flight.requests.per.connection). */
const DEPTH = 5
const SINGLE_RECORD_TARGET: Target = { atLeast: 80_000 }

export function rawGroup(): Group {
  const rows = [
    rawRow({ acks: 1, recordCount: 1, depth: DEPTH }, { target: SINGLE_RECORD_TARGET, quick: true }),
    rawRow({ acks: -1, recordCount: 1, depth: DEPTH }, { quick: true }),
    rawRow({ acks: 1, recordCount: 1, depth: 1 }, { quick: false }),
    rawRow({ acks: 1, recordCount: 100, depth: DEPTH }, { quick: false }),
    rawRow({ acks: -1, recordCount: 100, depth: DEPTH }, { quick: false }),
  ]
  return { name: 'raw', hasBroker: true, rows }
}

function rawRow(load: RawLoad, { target, quick }: { target?: Target; quick: boolean }): Row {
  const { acks, recordCount, depth } = load
  const records = recordCount === 1 ? '1 record' : `${recordCount} records`
  return {
    name: `raw produce of ${records} of ${VALUE_BYTES} B, acks=${acks === 1 ? 1 : 'all'}, ${CONNECTIONS} connections × ${depth}`,
    figures: [{ name: recordCount === 1 ? 'requests/s' : 'messages/s', ...(target === undefined ? {} : { target }) }],
    partitions: CONNECTIONS,
    needs: 'raw-produce',
    quick,
    run: async (run) => await produce(run, load),
  }
}

async function produce(run: RowRun, load: RawLoad): Promise<Outcome> {
  const { topic, directory, ports, quick } = run
  const timestampMs = ports.clock.wallMs()
  const frames = Array.from({ length: CONNECTIONS }, (_, partition) =>
    produceFrame({ ...load, topic, partition, valueBytes: VALUE_BYTES, timestampMs }),
  )
  const path = `${directory}/${topic}.frames`
  ports.disk.replaceFile(path, Buffer.concat(frames))
  const { warmUp, run: seconds } = quick ? SECONDS.quick : SECONDS.full
  const sizes = ['-c', `${CONNECTIONS}`, '-d', `${load.depth}`, '-w', `${warmUp}`, '-t', `${seconds}`]
  const argv = ['-b', run.bootstrap, '-f', path, '-e', `${produceErrorAt(topic)}`, ...sizes]
  const result = await runGenerator(programOf(run.generators, 'raw-produce'), argv, { timeoutMs: RUN_MS_MAX })
  const requests = numberOf(result, 'requests')
  const perSecond = requests / numberOf(result, 'seconds')
  return {
    figures: { 'requests/s': perSecond, 'messages/s': perSecond * load.recordCount },
    messages: numberOf(result, 'allRequests') * load.recordCount,
    loadCpuPerMillion: (numberOf(result, 'cpuSeconds') / (requests * load.recordCount)) * 1e6,
  }
}
