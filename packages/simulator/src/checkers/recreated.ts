/** A topic made anew under the name of one that was deleted: what was written to the old one is not in it. Pure. */
import type { FinalLog } from '../workloads/workload.ts'

export interface Written {
  readonly value: string
  /** Null while its fate is unknown. */
  ackedMs: number | null
  /** When the topic that took it began to be deleted; null where that did not happen, or nobody knows. */
  deletedMs: number | null
}

export function checkRecreated({ records }: FinalLog, written: readonly Written[]): string[] {
  const gone = new Set(written.filter(({ deletedMs }) => deletedMs !== null).map(({ value }) => value))
  const stale = records.find(({ value }) => gone.has(value))
  const values = records.map(({ value }) => value)
  const twice = values.find((value, i) => values.indexOf(value) !== i)
  return [
    ...(stale === undefined
      ? []
      : [`deleted record: "${stale.value}" is in the topic that was made anew, at ${stale.offset}`]),
    ...(twice === undefined ? [] : [`duplicate: "${twice}" is twice in the topic that was made anew`]),
  ]
}
