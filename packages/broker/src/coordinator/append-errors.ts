/** How a partition's refusal to take a coordinator's records looks from outside: pure. */
import type { ErrorName } from '@ottla/protocol/errors.ts'

/** The error that clients of the coordinator are told. */
export function mappedWriteError(error: ErrorName): ErrorName {
  switch (error) {
    case 'UNKNOWN_TOPIC_OR_PARTITION':
    case 'NOT_ENOUGH_REPLICAS':
    case 'NOT_ENOUGH_REPLICAS_AFTER_APPEND':
    case 'REQUEST_TIMED_OUT':
      return 'COORDINATOR_NOT_AVAILABLE'
    case 'NOT_LEADER_OR_FOLLOWER':
    case 'KAFKA_STORAGE_ERROR':
      return 'NOT_COORDINATOR'
    default:
      // The records are the coordinator's own: a client can do nothing about it, and should not try.
      return 'UNKNOWN_SERVER_ERROR'
  }
}

/** Whether the partition takes no more records in this tenure. */
export function isLoss(error: ErrorName): boolean {
  return mappedWriteError(error) === 'NOT_COORDINATOR'
}
