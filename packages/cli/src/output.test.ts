import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bytesText, countText, fields, json, table } from './output.ts'

test('tables align text to the left and numbers to the right', () => {
  const text = table(
    ['TOPIC', 'PARTITIONS', 'NOTE'],
    [
      ['orders', 12, 'x'],
      ['a-long-name', 3, null],
    ],
  )
  assert.equal(text, 'TOPIC        PARTITIONS  NOTE\norders               12  x\na-long-name           3  -\n')
})

test('a table without rows is its header', () => {
  assert.equal(table(['A', 'B'], []), 'A  B\n')
})

test('fields align their values', () => {
  assert.equal(
    fields([
      ['id', 'x'],
      ['controller', 1],
      ['rack', null],
    ]),
    'id:         x\ncontroller: 1\nrack:       -\n',
  )
})

test('JSON ends with a newline', () => {
  assert.equal(json({ a: 1 }), '{\n  "a": 1\n}\n')
})

test('sizes and counts are written for people', () => {
  assert.equal(bytesText(1023), '1023 B')
  assert.equal(bytesText(1536), '1.5 KiB')
  assert.equal(countText(1234567.4), '1,234,567')
  assert.equal(countText(12), '12')
})
