import assert from 'node:assert/strict'
import { test } from 'node:test'
import { errorCode, errorName, errorNames, ProtocolError } from './errors.ts'

test('every error has its own code, and the code gives back its name', () => {
  for (const name of errorNames) assert.equal(errorName(errorCode(name)), name)
})

test('a code of a newer Kafka is an unknown server error', () => {
  assert.equal(errorName(20_000), 'UNKNOWN_SERVER_ERROR')
})

test('a protocol error has the message of its row unless it is given a better one', () => {
  const plain = new ProtocolError('NOT_CONTROLLER')
  assert.equal(plain.message, 'This broker is not the controller.')
  assert.deepEqual([plain.error, plain.code, plain.retriable], ['NOT_CONTROLLER', 41, true])
  const cause = new Error('disk')
  const told = new ProtocolError('KAFKA_STORAGE_ERROR', 'Log "t-0" is offline', { cause })
  assert.deepEqual([told.message, told.cause], ['Log "t-0" is offline', cause])
})
