import assert from 'node:assert/strict'
import { test } from 'node:test'
import { formatIsoTime, parseIsoTime } from './calendar.ts'

test('a time without a zone is UTC, wherever the machine is', () => {
  assert.equal(parseIsoTime('2023-11-14'), 1_699_920_000_000)
  assert.equal(parseIsoTime('2023-11-14T22:13:20'), 1_700_000_000_000)
  assert.equal(parseIsoTime('2023-11-14 22:13:20.5'), 1_700_000_000_500)
})

test('a zone is obeyed', () => {
  assert.equal(parseIsoTime('2023-11-14T22:13:20Z'), 1_700_000_000_000)
  assert.equal(parseIsoTime('2023-11-15T00:13:20+02:00'), 1_700_000_000_000)
})

test('what is not a time is null', () => {
  for (const text of ['', '17', 'yesterday', '2023-13-01', '2023-11-14T99:00', '2023-11-14x']) {
    assert.equal(parseIsoTime(text), null, text)
  }
})

test('times are written as they are read', () => {
  assert.equal(formatIsoTime(1_700_000_000_000), '2023-11-14T22:13:20.000Z')
  assert.equal(formatIsoTime(9e15), '9000000000000000')
})
