/** What the JavaScript programs share: which records go in, and the line that is printed. */
import { CODECS, type CodecName } from '../../round-trip-clients.ts'
import { type ForeignRecord, foreignRecord } from '../records.ts'

export { PARTITIONS } from '../records.ts'

export interface Trip {
  readonly bootstrap: string
  readonly topic: string
  readonly codec: CodecName
  readonly records: number
}

export function recordsOf({ records, codec }: Trip): ForeignRecord[] {
  return Array.from({ length: records }, (_, number) => foreignRecord(number, codec))
}

/** Runs a trip for each codec; it answers how many records came back. */
export async function main(client: string, version: string, run: (trip: Trip) => Promise<number>): Promise<void> {
  const [bootstrap = '', prefix = '', records = ''] = process.argv.slice(2)
  const said = { client, version, produced: 0, consumed: 0, ok: true, error: '' }
  for (const codec of CODECS) {
    try {
      said.consumed += await run({ bootstrap, topic: `${prefix}-${codec}`, codec, records: Number(records) })
      said.produced += Number(records)
    } catch (error) {
      said.ok = false
      said.error = `${codec}: ${error}`
      break
    }
  }
  process.stdout.write(`${JSON.stringify(said)}\n`)
}
