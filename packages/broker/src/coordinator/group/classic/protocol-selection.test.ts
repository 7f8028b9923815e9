import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ProtocolSupport, selectProtocol } from './protocol-selection.ts'

const listed = (...names: string[]) => names.map((name) => ({ name, metadata: Buffer.alloc(0) }))

test('most votes win, each for the first that all support', () => {
  assert.equal(selectProtocol([listed('a', 'b'), listed('b', 'a'), listed('c', 'b', 'a')]), 'b')
  assert.equal(selectProtocol([listed('a', 'b'), listed('b')]), 'b')
  assert.equal(selectProtocol([listed('x', 'y')]), 'x')
})

test('with as many votes the earlier voter decides', () => {
  assert.equal(selectProtocol([listed('a', 'b'), listed('b', 'a')]), 'a')
  assert.equal(selectProtocol([listed('b', 'a'), listed('a', 'b')]), 'b')
})

test('members without a protocol in common were never let in', () => {
  assert.throws(() => selectProtocol([listed('a'), listed('b')]), /in common/)
})

test('support is forgotten with the last supporter, and never negative', () => {
  const support = new ProtocolSupport()
  support.add(listed('a', 'b'))
  support.add(listed('a'))
  support.remove(listed('a', 'b'))
  assert.deepEqual([support.of('a'), support.of('b'), support.size], [1, 0, 1])
  assert.throws(() => support.remove(listed('b')), /fewer than 0/)
})
