import { ProtocolError } from '@ottla/protocol/errors.ts'
import type { Partition } from './partition.ts'

/**
 * Up to where DeleteRecords may delete: `offset`, or the high watermark for −1. Throws ProtocolError
 * OFFSET_OUT_OF_RANGE, NOT_LEADER_OR_FOLLOWER or KAFKA_STORAGE_ERROR.
 */
export function deletionTarget(
  { isLeader, isOffline, highWatermark }: Pick<Partition, 'isLeader' | 'isOffline' | 'highWatermark'>,
  offset: number,
): number {
  if (!isLeader) throw new ProtocolError('NOT_LEADER_OR_FOLLOWER')
  if (isOffline) throw new ProtocolError('KAFKA_STORAGE_ERROR')
  const target = offset === -1 ? highWatermark : offset
  if (target < 0 || target > highWatermark) throw new ProtocolError('OFFSET_OUT_OF_RANGE')
  return target
}
