/** Owns what a broker's refusal of a batch means: the error for the callers, and whether the sequence is at fault. */
import { type ErrorName, ProtocolError } from '@ottla/protocol/errors.ts'

const ADVICE: Partial<Record<ErrorName, string>> = {
  MESSAGE_TOO_LARGE: "raise the topic's max.message.bytes, or lower batchBytesMax, or send smaller records",
  RECORD_LIST_TOO_LARGE: "raise the topic's segment.bytes, or lower batchBytesMax",
  TOPIC_AUTHORIZATION_FAILED: 'ask for the right to write to the topic',
  INVALID_REQUIRED_ACKS: 'use acks all, 1 or 0',
  INVALID_TIMESTAMP: "send timestamps inside the topic's message.timestamp.before.max.ms and after.max.ms",
  UNSUPPORTED_COMPRESSION_TYPE: 'choose another compression',
}

/** An error that names the partition, the size, the broker's reason and what to do. */
export function refusal(
  what: { queue: { topic: string; partition: number }; batch: { recordCount: number; bytes(): Buffer } },
  error: ErrorName,
  reason: string | null,
): ProtocolError {
  const { queue, batch } = what
  const size = `${batch.recordCount} records in ${batch.bytes().length} bytes`
  const advice = ADVICE[error] === undefined ? '' : `; ${ADVICE[error]}`
  const because = reason === null || reason === '' ? '' : ` (${reason})`
  return new ProtocolError(
    error,
    `Cannot store ${size} in "${queue.topic}-${queue.partition}": ${error}${because}${advice}`,
  )
}

/** The broker's memory of this producer and ours do not fit. */
export function isSequenceLost(error: Error): boolean {
  return isFenced(error) || isOneOf(error, ['OUT_OF_ORDER_SEQUENCE_NUMBER', 'UNKNOWN_PRODUCER_ID'])
}

/** A newer epoch of this producer id is known: only a new id can go on. */
export function isFenced(error: Error): boolean {
  return isOneOf(error, ['INVALID_PRODUCER_EPOCH'])
}

function isOneOf(error: Error, names: readonly ErrorName[]): boolean {
  return error instanceof ProtocolError && names.includes(error.error)
}
