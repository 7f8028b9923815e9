import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeTime } from '@ottla/base/fake-time.ts'
import { MemoryLogger } from '@ottla/base/memory-logger.ts'
import { allowAll } from '../security/authorizer.ts'
import { REFUSAL_LINES_MAX, RefusalLog, refusalsIn } from './refusal-log.ts'
import { ClientIdentity } from './request-context.ts'

const client = new ClientIdentity({
  listener: 'PLAINTEXT',
  address: '127.0.0.1',
  connectionId: 1,
  authorizer: allowAll,
})

test('errors are found at every level of a reply, with what they are about', () => {
  assert.deepEqual(refusalsIn({ errorCode: 0, topics: [{ name: 'a', errorCode: 0 }] }), [])
  assert.deepEqual(refusalsIn({ errorCode: 42, apiKeys: [] }), [{ subject: '', code: 42, message: null }])
  const produce = {
    responses: [
      {
        name: 't',
        partitionResponses: [
          { index: 0, errorCode: 0 },
          { index: 3, errorCode: 2, errorMessage: 'bad' },
        ],
      },
    ],
  }
  assert.deepEqual(refusalsIn(produce), [{ subject: 't-3', code: 2, message: 'bad' }])
})

test('a refused request is one line, whatever it was refused for', () => {
  const logger = new MemoryLogger()
  const log = new RefusalLog({ logger, clock: new FakeTime() })
  log.note('CreateTopics', client, {
    topics: [
      { name: 'a', errorCode: 17 },
      { name: 'b', errorCode: 36 },
    ],
  })
  log.note('Metadata', client, { topics: [{ name: 'a', errorCode: 0 }] })
  assert.equal(logger.lines.length, 1)
  assert.match(logger.lines[0]!.message, /Refused CreateTopics of "a": INVALID_TOPIC_EXCEPTION/)
})

test('beyond the allowance refusals are counted, and told when there is room again', () => {
  const logger = new MemoryLogger()
  const time = new FakeTime()
  const log = new RefusalLog({ logger, clock: time })
  for (let i = 0; i < REFUSAL_LINES_MAX + 5; i++) log.note('Produce', client, { errorCode: 3 })
  assert.equal(logger.lines.length, REFUSAL_LINES_MAX)
  time.advance(1000)
  log.note('Produce', client, { errorCode: 3 })
  const messages = logger.lines.slice(REFUSAL_LINES_MAX).map(({ message }) => message)
  assert.deepEqual(messages, ['5 more refused requests were not logged', 'Refused Produce: UNKNOWN_TOPIC_OR_PARTITION'])
})
