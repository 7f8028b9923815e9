import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Reading, Sent } from '../workloads/produce-and-read.ts'
import type { FinalLog, Seen } from '../workloads/workload.ts'
import { type Bounds, checkBounded } from './bounded.ts'

const PLACE = { topic: 't', partition: 0 }

function sent(number: number, offset: number | null = number): Sent {
  return { ...PLACE, producer: 'p', number, value: `v${number}`, key: null, acks: 'all', offset, error: null }
}

const seen = (...offsets: readonly number[]): Seen[] => offsets.map((offset) => ({ offset, value: `v${offset}` }))

function reading(records: readonly Seen[], error: Error | null = null): Reading {
  return { ...PLACE, consumer: 'c', records: [...records], error, position: () => 4 }
}

function kinds(records: readonly Seen[], bounds: Partial<Bounds>, ...readings: readonly Reading[]): string[] {
  const log: FinalLog = { ...PLACE, records }
  const all = { sent: [0, 1, 2, 3].map((number) => sent(number)), readings }
  return checkBounded(log, { startOffset: 2, deletedTo: 0, ...bounds }, all).map((anomaly) => anomaly.split(':')[0]!)
}

test('what is gone at the beginning is no anomaly, whether a reader saw it, passed over it, or part of a segment is left', () => {
  assert.deepEqual(kinds(seen(2, 3), {}, reading(seen(0, 1, 2, 3)), reading(seen(0, 2, 3)), reading(seen(2, 3))), [])
  assert.deepEqual(kinds(seen(1, 2, 3), { deletedTo: 2 }, reading(seen(2, 3))), [])
})

test('a hole behind the start, records that moved or came twice, and a deletion that was undone are told', () => {
  assert.deepEqual(kinds(seen(2), {}), ['lost'])
  assert.deepEqual(kinds(seen(1, 3), { startOffset: 1 }), ['hole', 'lost'])
  assert.deepEqual(kinds([...seen(2), { offset: 3, value: 'v3' }, { offset: 4, value: 'v3' }], {}), ['duplicate'])
  assert.deepEqual(kinds([...seen(2), { offset: 3, value: 'x' }, { offset: 4, value: 'v3' }], {}), ['moved'])
  assert.deepEqual(kinds(seen(2, 3), { deletedTo: 3 }), ['deletion undone'])
})

test('a reader that passes over what is there, goes back, reads something else or ends is told', () => {
  assert.deepEqual(kinds(seen(2, 3), {}, reading(seen(0, 1, 3))), ['poll skip'])
  assert.deepEqual(kinds(seen(2, 3), {}, reading(seen(2, 3, 2))), ['poll back'])
  assert.deepEqual(kinds(seen(2, 3), {}, reading([...seen(2), { offset: 3, value: 'x' }])), ['read ahead'])
  assert.deepEqual(kinds(seen(2, 3), {}, reading([], new Error('no'))), ['ended'])
})
