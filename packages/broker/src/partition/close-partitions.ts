/** Owns closing all partitions of a broker that stops: a bounded number at a time, as each opens a few files for it. */
import type { Logger } from '@ottla/base/logger.ts'
import type { Partition } from './partition.ts'

const CLOSING_MAX = 64

/** False when one could not be closed. */
export async function closePartitions(partitions: Iterator<Partition>, logger: Logger): Promise<boolean> {
  const closed = await Promise.all(Array.from({ length: CLOSING_MAX }, () => closeEach(partitions, logger)))
  return closed.every((wereClosed) => wereClosed)
}

/** One after the other, of an iterator that several share. */
async function closeEach(partitions: Iterator<Partition>, logger: Logger): Promise<boolean> {
  let wereClosed = true
  for (let next = partitions.next(); !next.done; next = partitions.next()) {
    try {
      await next.value[Symbol.asyncDispose]()
    } catch (error) {
      logger.error('Cannot close a log', { error })
      wereClosed = false
    }
  }
  return wereClosed
}
