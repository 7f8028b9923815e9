/**
 * One number for the facts about topics that an assignment rests on: which of them exist, under which ids, with how many
 * partitions. A group keeps it beside its epoch, so that after a fail-over it is known whether they are still the same.
 */
import type { MetadataImage } from '../../../metadata/image.ts'

/** 0 when none of them exists. The order of the names does not count. */
export function metadataHashOf(names: Iterable<string>, image: MetadataImage): bigint {
  let high = 0
  let low = 0
  for (const name of names) {
    const topic = image.topicsByName.get(name)
    if (topic === undefined) continue
    const facts = `${topic.id}/${topic.partitions.length}`
    high = (high + hash32(facts, SEED_HIGH)) | 0
    low = (low + hash32(facts, SEED_LOW)) | 0
  }
  return BigInt.asIntN(64, (BigInt(high) << 32n) | BigInt(low >>> 0))
}

const SEED_HIGH = 0x811c9dc5
const SEED_LOW = 0x2545f491

/** FNV-1a with a last mix, since sums of it are compared. */
function hash32(text: string, seed: number): number {
  let hash = seed
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return hash ^ (hash >>> 16)
}
