import assert from 'node:assert/strict'
import { test } from 'node:test'
import { tableText, transcriptText } from './transcript.ts'

const title = 'Runs'
const facts = ['Kafka 4.2.1']

test('a transcript shows an overview, each command, what it printed and how it ended', () => {
  const steps = [
    { command: 'kafka-topics --list', code: 0, output: 'a\nb\n' },
    { command: 'kafka-topics --describe', code: 1, output: '' },
  ]
  const text = transcriptText({ title, facts, parts: [{ name: 'topics', outcome: 'passed', steps }] })
  assert.match(text, /^# Runs\n- Kafka 4\.2\.1\n/)
  assert.match(text, /\ntopics {2}passed\n/)
  assert.match(text, /```\n\$ kafka-topics --list\na\nb\n```/)
  assert.match(text, /```\n\$ kafka-topics --describe\n\(exit code 1\)\n```/)
})

test('a part without commands stands in the overview alone, unless it failed', () => {
  const waiting = { name: 'groups', outcome: 'waiting', note: 'for groups' } as const
  assert.doesNotMatch(transcriptText({ title, facts, parts: [waiting] }), /##/)
  const failed = { name: 'topics', outcome: 'failed', note: 'two\nlines' } as const
  assert.match(
    transcriptText({ title, facts, parts: [failed] }),
    /failed {3}two\n```\n\n## topics: failed\n\ntwo\nlines\n/,
  )
})

test('of a long output the beginning and the end are kept', () => {
  const output = Array.from({ length: 100 }, (_, index) => `line ${index}`).join('\n')
  const parts = [{ name: 'long', outcome: 'passed', steps: [{ command: 'x', code: 0, output }] }] as const
  const text = transcriptText({ title, facts, parts })
  assert.match(text, /line 19\n… 60 lines more …\nline 80\n/)
  const wide = [
    { name: 'wide', outcome: 'passed', steps: [{ command: 'x', code: 0, output: 'y'.repeat(401) }] },
  ] as const
  assert.match(transcriptText({ title, facts, parts: wide }), /\ny{400}…\n/)
})

test('columns are as wide as their widest cell', () => {
  assert.equal(tableText(['a', 'b'], [['long', 'x']]), 'a     b\nlong  x')
})
