import assert from 'node:assert/strict'
import { test } from 'node:test'
import { dumpedEntries, jsonLines, offsetsIn, rowsIn, withoutLoggerNotice } from './tool-output.ts'

test('offsets are found by partition, and a missing one is none', () => {
  assert.deepEqual(
    offsetsIn('t:0:3\nt:1:\nother:2:9\nt:2:0\n', 't'),
    new Map([
      [0, 3],
      [2, 0],
    ]),
  )
})

test('entries of a dump are their fields, whatever stands between them', () => {
  const output = 'Dumping x\nLog starting offset: 0\nbaseOffset: 0 count: 15 isvalid: true\n| offset: 0 baseOffset: 7\n'
  const [batch, ...more] = dumpedEntries(output, 'baseOffset')
  assert.deepEqual(more, [])
  assert.deepEqual(
    [...batch!],
    [
      ['baseOffset', '0'],
      ['count', '15'],
      ['isvalid', 'true'],
    ],
  )
})

test('JSON lines are told from others', () => {
  assert.deepEqual(jsonLines('Querying\n{"a":1}\n\n{"b":2}\n'), [{ a: 1 }, { b: 2 }])
})

test('rows of a table of groups are told by their columns, whatever stands before it', () => {
  const output =
    "\nConsumer group 'g' has no active members.\n\nGROUP  STATE  #MEMBERS\ng      Empty  0\nh      Stable\n"
  assert.deepEqual(rowsIn(output), [
    { GROUP: 'g', STATE: 'Empty', '#MEMBERS': '0' },
    { GROUP: 'h', STATE: 'Stable', '#MEMBERS': '' },
  ])
  assert.deepEqual(rowsIn('\nError: no such group\n'), [])
})

test('only the notice of the missing logger is left out', () => {
  assert.equal(withoutLoggerNotice('SLF4J: Failed\nProcessed 3\nSLF4J: See\n'), 'Processed 3\n')
})
