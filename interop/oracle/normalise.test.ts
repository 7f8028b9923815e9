import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Fetch } from '@ottla/protocol/apis/01-fetch.ts'
import { ListOffsets } from '@ottla/protocol/apis/02-list-offsets.ts'
import { Metadata } from '@ottla/protocol/apis/03-metadata.ts'
import type { AnyApi } from '@ottla/protocol/codec.ts'
import { batch, TIME_MS } from './batches.ts'
import { Learnt } from './learnt.ts'
import { normalised } from './normalise.ts'

const ID = 'AAAAAAAAAAAAAAAAAAAAAQ'
const OTHER_ID = 'AAAAAAAAAAAAAAAAAAAAAg'

function shown(api: AnyApi, reply: object): unknown {
  const learnt = new Learnt({ version: 1, prefix: 'o-3-x-v1-', places: [[':9092', ':<port>']] })
  learnt.learn(reply)
  return normalised(api, reply, learnt)
}

describe('what may differ between brokers', () => {
  test('ids of topics are shown by their topic, whatever they are', () => {
    const reply = (topicId: string) => ({ topics: [{ name: 'o-3-x-v1-a', topicId, errorCode: 0 }] })
    assert.deepEqual(shown(Metadata, reply(ID)), shown(Metadata, reply(OTHER_ID)))
    assert.deepEqual(shown(Metadata, reply(ID)), {
      topics: [{ name: '@a', topicId: '<id of @a>', errorCode: 'NONE' }],
    })
  })

  test('errors are shown by name, their texts by whether they are there', () => {
    const reply = shown(Metadata, {
      errorCode: 3,
      errorMessage: 'why',
      topics: [{ name: null, errorCode: 0, errorMessage: null }],
    })
    assert.deepEqual(reply, {
      ...{ errorCode: 'UNKNOWN_TOPIC_OR_PARTITION', errorMessage: '<text>' },
      topics: [{ name: null, errorCode: 'NONE', errorMessage: null }],
    })
  })

  test('the clock of a broker is now, times that a scenario has sent are told', () => {
    const reply = (timestamp: number) => shown(ListOffsets, { topics: [{ partitions: [{ timestamp }] }] })
    assert.deepEqual(reply(TIME_MS + 5), { topics: [{ partitions: [{ timestamp: '+5' }] }] })
    assert.deepEqual(reply(TIME_MS + 10 ** 11), { topics: [{ partitions: [{ timestamp: '<now>' }] }] })
    assert.deepEqual(reply(-1), { topics: [{ partitions: [{ timestamp: -1 }] }] })
  })

  test('topics of other runs are not told, and an open order is made one', () => {
    const topics = ['o-3-x-v1-b', 'o-3-x-v2-a', 'o-3-x-v1-a', '__consumer_offsets'].map((name) => ({ name }))
    assert.deepEqual(shown(Metadata, { topics }), {
      topics: [{ name: '@a' }, { name: '@b' }, { name: '__consumer_offsets' }],
    })
  })

  test('records are told one by one, and a batch that is cut off is not', () => {
    const records = Buffer.concat([batch({ records: [{ key: 'k', value: 'v' }] }), batch().subarray(0, -1)])
    const [told, ...others] = (shown(Fetch, { records }) as { records: { records: string[] }[] }).records
    assert.deepEqual([told!.records, others], [['0 +0 k:v'], []])
  })

  test('sessions are numbered in the order in which they come', () => {
    assert.deepEqual(shown(Fetch, { sessionId: 77 }), { sessionId: '<session 0>' })
    assert.deepEqual(shown(Fetch, { sessionId: 0 }), { sessionId: 0 })
  })
})
