/** Rows of prebuilt Produce requests: what the broker does when the client costs next to nothing. */
import type { Durability, Group, Row, Target } from '../row.ts'
import { produceAtFullSpeed, RAW_VALUE_BYTES, type RawLoad } from './raw-load.ts'

interface Traits {
  readonly durability: Durability
  readonly quick: boolean
  readonly required?: number
  readonly target?: Target
}

const CONNECTIONS = 8
const SECONDS = { full: { warmUp: 1, run: 3 }, quick: { warmUp: 1, run: 2 } }
/** Kafka's producers have up to 5 requests in flight (max.in.flight.requests.per.connection). */
const DEPTH = 5
const SINGLE_RECORD_TARGET: Target = { atLeast: 80_000 }
/** How many times as fast as other brokers where every record goes for itself. */
const SINGLE_RECORD_REQUIRED = 2

export function rawGroup(): Group {
  const rows = [
    singleRow(1, DEPTH, { durability: 'cached', quick: true, target: SINGLE_RECORD_TARGET }),
    singleRow(-1, DEPTH, { durability: 'cached', quick: false }),
    singleRow(-1, DEPTH, { durability: 'synced', quick: true }),
    singleRow(1, 1, { durability: 'cached', quick: false }),
    singleRow(-1, 1, { durability: 'synced', quick: false }),
    rawRow({ acks: 1, recordCount: 100, depth: DEPTH }, { durability: 'cached', quick: false }),
    rawRow({ acks: -1, recordCount: 100, depth: DEPTH }, { durability: 'synced', quick: false }),
  ]
  return { name: 'raw', hasBroker: true, rows }
}

function singleRow(acks: 1 | -1, depth: number, traits: Traits): Row {
  return rawRow({ acks, recordCount: 1, depth }, { ...traits, required: SINGLE_RECORD_REQUIRED })
}

function rawRow(
  options: Pick<RawLoad, 'acks' | 'recordCount'> & { readonly depth: number },
  { target, ...traits }: Traits,
): Row {
  const { acks, recordCount, depth } = options
  const load = { ...options, connections: CONNECTIONS, partitions: CONNECTIONS }
  const records = recordCount === 1 ? '1 record' : `${recordCount} records`
  return {
    ...traits,
    name: `raw produce of ${records} of ${RAW_VALUE_BYTES} B, acks=${acks === 1 ? 1 : 'all'}, ${CONNECTIONS} connections × ${depth}`,
    figures: [{ name: recordCount === 1 ? 'requests/s' : 'messages/s', ...(target === undefined ? {} : { target }) }],
    partitions: CONNECTIONS,
    needs: 'raw-produce',
    run: async (run) => await produceAtFullSpeed(run, load, run.quick ? SECONDS.quick : SECONDS.full),
  }
}
