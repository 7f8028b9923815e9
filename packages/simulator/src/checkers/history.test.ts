import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Reading, Sent } from '../workloads/produce-and-read.ts'
import type { FinalLog, Seen } from '../workloads/workload.ts'
import { checkConsumed, checkProduced, checkSeen } from './history.ts'

const PLACE = { topic: 't', partition: 0 }

function logOf(...values: readonly string[]): FinalLog {
  return { ...PLACE, records: values.map((value, offset) => ({ offset, value })) }
}

function sent(value: string, offset: number | null, fields: Partial<Sent> = {}): Sent {
  return {
    ...PLACE,
    producer: value[0]!,
    number: Number(value.slice(1)),
    value,
    key: null,
    acks: 'all',
    offset,
    error: null,
    ...fields,
  }
}

function reading(records: readonly Seen[], error: Error | null = null): Reading {
  return { ...PLACE, consumer: 'c', records: [...records], error, position: () => records.length }
}

function kinds(anomalies: readonly string[]): string[] {
  return anomalies.map((anomaly) => anomaly.split(':')[0]!)
}

test('what is there once, where it was acknowledged, is no anomaly, and nor is what has no outcome', () => {
  const all = [sent('p0', 0), sent('p1', null), sent('p2', 1), sent('p3', null, { error: new Error('late') })]
  assert.deepEqual(checkProduced(logOf('p0', 'p2', 'p3'), all), [])
})

test('lost, doubled, moved, reordered and unknown records are told', () => {
  const all = [sent('p0', 0), sent('p1', 1)]
  assert.deepEqual(kinds(checkProduced(logOf('p0'), all)), ['lost'])
  assert.deepEqual(kinds(checkProduced(logOf('p0', 'p1', 'p1'), all)), ['duplicate'])
  assert.deepEqual(kinds(checkProduced(logOf('x', 'p0', 'p1'), [...all, sent('x', null)])), ['moved', 'moved'])
  assert.deepEqual(kinds(checkProduced(logOf('p1', 'p0'), [sent('p0', null), sent('p1', 0)])), ['reordered'])
  assert.deepEqual(kinds(checkProduced(logOf('p0', 'p1', 'x'), all)), ['unknown'])
})

test('what one replica alone has acknowledged may go, and may come twice', () => {
  assert.deepEqual(checkProduced(logOf('p1', 'p1'), [sent('p0', 0, { acks: 1 }), sent('p1', 0, { acks: 1 })]), [])
})

test('a reader that skips, reads ahead, reads not all or ends is told', () => {
  const log = logOf('a', 'b')
  const [first, second] = log.records as [Seen, Seen]
  assert.deepEqual(checkConsumed(log, reading([first, second])), [])
  assert.deepEqual(kinds(checkConsumed(log, reading([second]))), ['skip'])
  assert.deepEqual(kinds(checkConsumed(log, reading([first, first]))), ['skip'])
  assert.deepEqual(kinds(checkConsumed(log, reading([first, { offset: 1, value: 'c' }]))), ['read ahead'])
  assert.deepEqual(kinds(checkConsumed(log, reading([first, second, { offset: 2, value: 'c' }]))), ['read ahead'])
  assert.deepEqual(kinds(checkConsumed(log, reading([first]))), ['unread'])
  assert.deepEqual(kinds(checkConsumed(log, reading([first, second], new Error('no')))), ['ended'])
})

test('what all have acknowledged stays where a reader has seen it, whatever becomes of the rest', () => {
  const all = [sent('p0', null), sent('q0', 0, { acks: 1 })]
  const seen = reading([
    { offset: 0, value: 'q0' },
    { offset: 1, value: 'p0' },
  ])
  assert.deepEqual(checkSeen(logOf('x', 'p0'), seen, all), [])
  assert.deepEqual(kinds(checkSeen(logOf('p0', 'x'), seen, all)), ['read ahead'])
})
