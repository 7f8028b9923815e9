/** Owns the names of the files in a partition's directory: the base offset in 20 digits and a suffix. */

export const LOG_SUFFIX = '.log'
export const OFFSET_INDEX_SUFFIX = '.index'
export const TIME_INDEX_SUFFIX = '.timeindex'
export const TRANSACTION_INDEX_SUFFIX = '.txnindex'
export const SNAPSHOT_SUFFIX = '.snapshot'
/** Put behind a whole name: about to be removed, and so gone as far as the log is concerned. */
export const DELETED_SUFFIX = '.deleted'
/** Put behind a whole name by a compaction that had not finished: worth nothing. */
export const CLEANED_SUFFIX = '.cleaned'
/** Put behind a whole name by a compaction that had finished, but not yet put the file into its place. */
export const SWAP_SUFFIX = '.swap'

const OFFSET_DIGITS = 20
const NAME = /^(\d{20})(\.[a-z]+)$/

export function fileName(offset: number, suffix: string): string {
  return String(offset).padStart(OFFSET_DIGITS, '0') + suffix
}

/** The offset in a name with this suffix, or null for any other name. */
export function offsetInName(name: string, suffix: string): number | null {
  const match = NAME.exec(name)
  return match !== null && match[2] === suffix ? Number(match[1]) : null
}
