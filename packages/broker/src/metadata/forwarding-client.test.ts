import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemoryNetwork } from '@ottla/base/memory-network.ts'
import { FakeBroker } from '@ottla/client/fake-broker.ts'
import { Envelope } from '@ottla/protocol/apis/58-envelope.ts'
import { errorCode, ProtocolError } from '@ottla/protocol/errors.ts'
import type { ControllerClient, Outcome } from './controller-client.ts'
import { CONTROLLER_KEY, encodeController } from './documents.ts'
import { decodeCall, encodeResult } from './forwarded.ts'
import { ForwardingClient } from './forwarding-client.ts'
import { oneBroker, plaintext } from './one-broker.ts'
import { type Snapshot, StoreUnavailable } from './store.ts'

const PORT = 9092
const CALL_TIMEOUT_MS = 30_000

type Answer = (method: string, args: readonly unknown[]) => Outcome<unknown> | Outcome<unknown>[] | null | 'hang-up'

/**
 * Broker 3 asks; broker 2 (at `host-2`) is the controller by the store's word, and answers in turn, the last answer again
 * and again. The real controller of the fixture has lost its document.
 */
async function world(...answers: Answer[]) {
  const one = await oneBroker({ others: [plaintext(2), plaintext(3)] })
  const network = new MemoryNetwork({ timers: one.timers })
  const controller = await FakeBroker.start(network.join('host-2'), PORT)
  const asked: string[] = []
  controller.on(Envelope, ({ requestData }) => {
    const { method, args } = decodeCall(requestData)
    asked.push(method)
    const answer = (answers.length > 1 ? answers.shift()! : answers[0]!)(method, args)
    if (answer === null || answer === 'hang-up') return answer
    return { errorCode: 0, responseData: encodeResult(method as keyof ControllerClient, answer) }
  })
  const local: string[] = []
  const state = { isController: false, readFails: false }
  const client = new ForwardingClient({
    ...{ brokerId: 3, follower: one.follower, listener: 'PLAINTEXT', network: network.join('host-3') },
    ...{ clock: one.timers, timers: one.timers, isController: () => state.isController },
    store: {
      read: async (prefix: string): Promise<Snapshot> => {
        if (state.readFails) throw new StoreUnavailable('away')
        return one.store.read(prefix)
      },
    },
    local: new Proxy({} as ControllerClient, {
      get: (_, method: string) => async (ids: unknown[]) => {
        local.push(method)
        return ids.map(() => null)
      },
    }),
  })
  const setController = async (id: number) => {
    const { entries } = await one.store.read(CONTROLLER_KEY)
    const put = { key: CONTROLLER_KEY, value: encodeController(id) }
    const ifRevision = [{ key: CONTROLLER_KEY, revision: entries[0]?.revision ?? 0 }]
    await one.store.commit({ ifRevision, puts: [put], deletes: [] })
    await one.timers.settle()
  }
  await setController(2)
  /** What a call comes to, with time going on. */
  const outcomeOf = async (ids: readonly string[], forMs = CALL_TIMEOUT_MS + 1000): Promise<unknown[]> => {
    const calling = client.client.deleteTopics(ids)
    await one.timers.run(forMs)
    return (await calling).map((outcome) => (outcome instanceof ProtocolError ? outcome.error : outcome))
  }
  return {
    ...{ one, network, asked, local, state, setController, outcomeOf },
    async [Symbol.asyncDispose]() {
      await client[Symbol.asyncDispose]()
      await one[Symbol.asyncDispose]()
    },
  }
}

const done: Answer = (_, [ids]) => (ids as unknown[]).map(() => null)

test('a call goes to the controller, once, and its outcomes come back in order', async () => {
  await using w = await world(() => [null, new ProtocolError('UNKNOWN_TOPIC_ID')])
  assert.deepEqual(await w.outcomeOf(['a', 'b'], 100), [null, 'UNKNOWN_TOPIC_ID'])
  assert.deepEqual([w.asked, w.local], [['deleteTopics'], []])
})

test('where this broker is the controller nothing is sent', async () => {
  await using w = await world(done)
  w.state.isController = true
  assert.deepEqual(await w.outcomeOf(['a'], 100), [null])
  assert.deepEqual([w.asked, w.local], [[], ['deleteTopics']])
})

test('who is no controller any more is asked again, until it or another one is', async () => {
  const refused: Answer = () => [new ProtocolError('NOT_CONTROLLER')]
  await using w = await world(refused, refused, done)
  assert.deepEqual(await w.outcomeOf(['a'], 1000), [null])
  assert.equal(w.asked.length, 3)
})

test('a refusal of some commands alone is an answer: the others were done', async () => {
  await using w = await world(() => [null, new ProtocolError('NOT_CONTROLLER')])
  assert.deepEqual(await w.outcomeOf(['a', 'b'], 1000), [null, 'NOT_CONTROLLER'])
  assert.equal(w.asked.length, 1)
})

test('a call whose answer is lost has timed out and is never sent twice', async () => {
  for (const answer of ['hang-up', null] as const) {
    await using w = await world(() => answer, done)
    assert.deepEqual(await w.outcomeOf(['a', 'b']), ['REQUEST_TIMED_OUT', 'REQUEST_TIMED_OUT'], String(answer))
    assert.equal(w.asked.length, 1)
    assert.deepEqual(await w.outcomeOf(['a'], 100), [null], 'the next call has a connection of its own')
  }
})

test('a controller that cannot be reached has been told nothing: the search goes on', async () => {
  await using w = await world(done)
  w.network.cut('host-3', 'host-2')
  const calling = w.outcomeOf(['a'], CALL_TIMEOUT_MS)
  await w.one.timers.settle()
  w.state.isController = true
  assert.deepEqual(await calling, [null])
  assert.deepEqual([w.asked, w.local], [[], ['deleteTopics']])
})

test('an error of the envelope is the error of every command', async () => {
  await using w = await world(done)
  const controller = await FakeBroker.start(w.network.join('host-1'), PORT)
  controller.on(Envelope, () => ({ errorCode: errorCode('CLUSTER_AUTHORIZATION_FAILED'), responseData: null }))
  await w.setController(1)
  const expected = ['CLUSTER_AUTHORIZATION_FAILED', 'CLUSTER_AUTHORIZATION_FAILED']
  assert.deepEqual(await w.outcomeOf(['a', 'b'], 1000), expected)
})

test('an answer that is known is told though the store is away', async () => {
  await using w = await world(done)
  w.state.readFails = true
  assert.deepEqual(await w.outcomeOf(['a'], 100), [null])
})
