/** To which partition of a coordinator's topic a group's or a transaction's id belongs: Kafka's rule, pure. */
import { assert } from '@ottla/base/assert.ts'

const INT32_MIN = -2147483648

/** Of Java's `String.hashCode`, which counts UTF-16 units, the absolute value; the one int32 that has none counts as 0. */
export function partitionOfKey(key: string, partitionCount: number): number {
  assert(partitionCount > 0, 'A topic has partitions')
  let hash = 0
  for (let i = 0; i < key.length; i++) hash = (Math.imul(hash, 31) + key.charCodeAt(i)) | 0
  return hash === INT32_MIN ? 0 : Math.abs(hash) % partitionCount
}
