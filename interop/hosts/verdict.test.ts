import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ClientResult } from './result.ts'
import { SCENARIOS, type Scenario } from './scenarios.ts'
import { STEADY_KINDS, type SteadyKind } from './steady-client.ts'
import { brokenPromises, gapMsMax } from './verdict.ts'

const kind = (name: string): SteadyKind => STEADY_KINDS.find((one) => one.name === name)!
const scenario = (name: string): Scenario => SCENARIOS.find((one) => one.name === name)!
const KILL = scenario('kill -9 of the leader')
const PAUSE = scenario('pause of the leader, longer than a session')
const FINE: ClientResult = {
  ...{ kind: kind('ottla'), gapMs: 300, groupGapMs: 0, acknowledged: 9, failures: [] },
  ...{ lost: 0, twice: 0, reordered: 0, misplaced: 0, unread: 0 },
}

test('scenarios have names of their own', () => {
  assert.equal(new Set(SCENARIOS.map(({ name }) => name)).size, SCENARIOS.length)
})

test('a result without a fault breaks nothing, and each fault breaks a promise', () => {
  assert.deepEqual(brokenPromises(KILL, FINE), [])
  for (const fault of ['lost', 'twice', 'reordered', 'misplaced', 'unread']) {
    assert.deepEqual(brokenPromises(KILL, { ...FINE, [fault]: 2 }), [`2 ${fault}`])
  }
  assert.equal(brokenPromises(KILL, { ...FINE, failures: ['refused'] }).length, 1)
  assert.equal(brokenPromises(KILL, { ...FINE, gapMs: 3_001 }).length, 1)
})

test('where a leader says nothing our client goes on after a session, others when they give up the answer', () => {
  for (const { name } of STEADY_KINDS) assert.equal(gapMsMax(KILL, kind(name)), 3_000)
  assert.equal(gapMsMax(PAUSE, kind('ottla')), 11_000)
  assert.equal(gapMsMax(PAUSE, kind('librdkafka')), 63_000)
  assert.equal(gapMsMax(PAUSE, kind('kafkajs')), Number.POSITIVE_INFINITY)
})
