import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ErrorName } from '@ottla/protocol/errors.ts'
import { isLoss, mappedWriteError } from './append-errors.ts'

test('what a log refuses with looks to clients as Kafka makes it look', () => {
  const expected: readonly (readonly [ErrorName, ErrorName, boolean])[] = [
    ['UNKNOWN_TOPIC_OR_PARTITION', 'COORDINATOR_NOT_AVAILABLE', false],
    ['NOT_ENOUGH_REPLICAS', 'COORDINATOR_NOT_AVAILABLE', false],
    ['NOT_ENOUGH_REPLICAS_AFTER_APPEND', 'COORDINATOR_NOT_AVAILABLE', false],
    ['REQUEST_TIMED_OUT', 'COORDINATOR_NOT_AVAILABLE', false],
    ['NOT_LEADER_OR_FOLLOWER', 'NOT_COORDINATOR', true],
    ['KAFKA_STORAGE_ERROR', 'NOT_COORDINATOR', true],
    ['MESSAGE_TOO_LARGE', 'UNKNOWN_SERVER_ERROR', false],
    ['RECORD_LIST_TOO_LARGE', 'UNKNOWN_SERVER_ERROR', false],
    ['INVALID_RECORD', 'UNKNOWN_SERVER_ERROR', false],
  ]
  for (const [error, mapped, loss] of expected)
    assert.deepEqual([mappedWriteError(error), isLoss(error)], [mapped, loss])
})
