import assert from 'node:assert/strict'
import { test } from 'node:test'
import { difference } from './same-lines.ts'

const FILE = ['a', 'b', 'x', 'c', 'x', 'd']

function partition(...lines: readonly string[]): Buffer {
  return Buffer.from(lines.map((line) => `${line}\n`).join(''), 'latin1')
}

test('any spreading over partitions that keeps the order is the same', () => {
  assert.equal(difference(FILE, [partition('a', 'x', 'x'), partition(), partition('b', 'c', 'd')]), null)
  assert.equal(difference(FILE, [partition(...FILE)]), null)
})

test('a lost, a repeated, a swapped and a changed line are found', () => {
  assert.match(difference(FILE, [partition('a', 'b', 'x', 'c', 'd')])!, /1 times missing: "x"/)
  assert.match(difference(FILE, [partition(...FILE), partition('a')])!, /partition 1: record 0 is there too often/)
  assert.match(difference(FILE, [partition('b', 'a', 'x', 'c', 'x', 'd')])!, /record 1 is out of order: "a"/)
  assert.match(difference(FILE, [partition('a', 'b', 'x', 'c', 'x', 'd\xff')])!, /record 5 is not in the file/)
})

test('one of two equal lines cannot stand where neither was', () => {
  assert.match(difference(FILE, [partition('a', 'b', 'c', 'x', 'x', 'd')])!, /record 4 is out of order: "x"/)
})
