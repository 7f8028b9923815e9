import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { WatchEvent } from '../store.ts'
import { WATCH } from './messages.ts'
import { decode, encode, type Write } from './protobuf.ts'
import { readWatch, type WatchMessage } from './watch.ts'

type Given = Write<(typeof WATCH)['response']>

const event = (key: string, modRevision: number, value = 'v') => ({
  type: 0,
  kv: { key: `/p/${key}`, value, modRevision },
})
const removed = (key: string, modRevision: number) => ({ type: 1, kv: { key: `/p/${key}`, modRevision } })
const created: Given = { created: true }

async function* sent(messages: readonly Given[]): AsyncIterable<WatchMessage> {
  for (const message of messages) yield decode(WATCH.response, encode(WATCH.response, message))
}

function read(messages: readonly Given[], reaches = true): Promise<WatchEvent[]> {
  const nameOf = (key: string) => (key.startsWith('/p/~') ? null : key.slice(3))
  const reachesBack = async () => reaches
  return Array.fromAsync(readWatch(sent(messages), { after: 5, nameOf, endpoint: 'http://h:1', reachesBack }))
}

test('messages are cut into revisions, each whole', async () => {
  const messages = [created, { events: [event('a', 6), removed('b', 6), event('a', 8)] }, { events: [event('c', 9)] }]
  assert.deepEqual(await read(messages), [
    {
      type: 'revision',
      revision: 6,
      changes: [
        { key: 'a', value: 'v', revision: 6 },
        { key: 'b', value: null, revision: 6 },
      ],
    },
    { type: 'revision', revision: 8, changes: [{ key: 'a', value: 'v', revision: 8 }] },
    { type: 'revision', revision: 9, changes: [{ key: 'c', value: 'v', revision: 9 }] },
  ])
})

test('fragments of a message are joined before anything is told', async () => {
  const parts = [
    { fragment: true, events: [event('a', 6)] },
    { fragment: true, events: [event('b', 6)] },
  ]
  assert.deepEqual(await read([created, ...parts]), [])
  const events = await read([created, ...parts, { events: [event('c', 6)] }])
  assert.deepEqual(
    events.map((one) => one.type === 'revision' && one.changes.map(({ key }) => key)),
    [['a', 'b', 'c']],
  )
})

test('a revision of the store alone is told without changes, news of progress are not', async () => {
  const events = await read([created, { header: { revision: 50 } }, { events: [event('~mark', 7)] }])
  assert.deepEqual(events, [{ type: 'revision', revision: 7, changes: [] }])
})

const COMPACTED: readonly (readonly [what: string, messages: readonly Given[], reaches?: boolean])[] = [
  ['etcd says so', [created, { canceled: true, compactRevision: 9 }]],
  ['the history does not reach back', [created, { events: [event('a', 6)] }], false],
  ['a revision comes that was there before', [created, { events: [event('a', 5)] }]],
  ['the rest of a revision comes later', [created, { events: [event('a', 5)] }, { events: [event('b', 5)] }]],
]

for (const [what, messages, reaches] of COMPACTED) {
  test(`a watch ends with compacted when ${what}`, async () => {
    assert.deepEqual(await read(messages, reaches), [{ type: 'compacted' }])
  })
}

test('a watch that etcd ends for another reason is told with that reason', async () => {
  await assert.rejects(read([created, { canceled: true, cancelReason: 'no leader' }]), /http:\/\/h:1: .*no leader/)
})
