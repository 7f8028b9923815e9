import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Reading, Sent } from '../workloads/produce-and-read.ts'
import type { FinalLog, Seen } from '../workloads/workload.ts'
import { checkCompacted } from './compacted.ts'

const PLACE = { topic: 't', partition: 0 }

/** Record `n` of one producer, with this key, acknowledged at its offset. */
function sent(number: number, key: string, offset: number | null = number): Sent {
  const value = `v${number}`
  return { ...PLACE, producer: 'p', number, value, key, acks: 'all', offset, error: null }
}

function seen(offset: number, key: string, value = `v${offset}`): Seen {
  return { offset, key, value }
}

function reading(records: readonly Seen[], position: number): Reading {
  return { ...PLACE, consumer: 'c', records: [...records], error: null, position: () => position }
}

function kinds(records: readonly Seen[], all: readonly Sent[], ...readings: readonly Reading[]): string[] {
  const log: FinalLog = { ...PLACE, records }
  return checkCompacted(log, { sent: all, readings }).map((anomaly) => anomaly.split(':')[0]!)
}

const ALL = [sent(0, 'a'), sent(1, 'b'), sent(2, 'a')]

test('what is left when older records of a key are gone is no anomaly, and nor is a reader that saw them or came late', () => {
  const left = [seen(1, 'b'), seen(2, 'a')]
  assert.deepEqual(
    kinds(left, ALL, reading(left, 3), reading([seen(0, 'a'), ...left], 3), reading([seen(0, 'a')], 1)),
    [],
  )
})

test('the newest record of a key that is gone is told, also where only a reader knows of it', () => {
  assert.deepEqual(kinds([seen(1, 'b')], ALL), ['compaction loss'])
  const unknown = [sent(0, 'a'), sent(1, 'b'), sent(2, 'a', null)]
  assert.deepEqual(kinds([seen(0, 'a'), seen(1, 'b')], unknown), [])
  const saw = reading([seen(0, 'a'), seen(1, 'b'), seen(2, 'a')], 2)
  assert.deepEqual(kinds([seen(0, 'a'), seen(1, 'b')], unknown, saw), ['compaction loss'])
})

test('records that moved, came twice, are out of order or were never sent are told', () => {
  assert.deepEqual(kinds([seen(1, 'b'), seen(3, 'a', 'v2')], ALL), ['moved'])
  const open = [sent(0, 'a', null), sent(1, 'b', null)]
  assert.deepEqual(kinds([seen(0, 'a', 'v0'), seen(1, 'a', 'v0')], open), ['duplicate'])
  assert.deepEqual(kinds([seen(0, 'b', 'v1'), seen(1, 'a', 'v0')], open), ['reordered'])
  assert.deepEqual(kinds([seen(0, 'a'), seen(1, 'b', 'x')], open), ['unknown'])
})

test('a reader that passes over what is left, goes back, reads something else or ends is told', () => {
  const left = [seen(1, 'b'), seen(2, 'a')]
  assert.deepEqual(kinds(left, ALL, reading([seen(2, 'a')], 3)), ['unseen'])
  assert.deepEqual(kinds(left, ALL, reading([...left, seen(1, 'b')], 3)), ['poll back'])
  assert.deepEqual(kinds(left, ALL, reading([seen(1, 'b', 'x'), seen(2, 'a')], 3)), ['read ahead'])
  assert.deepEqual(kinds(left, ALL, { ...reading([], 0), error: new Error('no') }), ['ended'])
})
