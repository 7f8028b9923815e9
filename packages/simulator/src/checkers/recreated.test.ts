import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkRecreated, type Written } from './recreated.ts'

const written = (value: string, deletedMs: number | null): Written => ({ value, ackedMs: 1, deletedMs })

function kinds(values: readonly string[], all: readonly Written[]): string[] {
  const records = values.map((value, offset) => ({ offset, value }))
  return checkRecreated({ topic: 't', partition: 0, records }, all).map((anomaly) => anomaly.split(':')[0]!)
}

test('records of the topic that is there are no anomaly, and nor are those whose topic nobody knows', () => {
  assert.deepEqual(kinds(['b', 'c'], [written('a', 5), written('b', null), written('c', null)]), [])
})

test('a record of a topic that was deleted, and one that is there twice, are told', () => {
  assert.deepEqual(kinds(['a', 'b'], [written('a', 5), written('b', null)]), ['deleted record'])
  assert.deepEqual(kinds(['b', 'b'], [written('b', null)]), ['duplicate'])
})
