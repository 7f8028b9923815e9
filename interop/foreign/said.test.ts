import assert from 'node:assert/strict'
import { test } from 'node:test'
import { saidIn } from './said.ts'

const said = { client: 'c', version: '1', produced: 5, consumed: 5, groups: { classic: 5 }, ok: true }

test('a result is the last JSON line, whatever a client wrote before it', () => {
  const output = `warning: {\n{"level":"info"}\n${JSON.stringify(said)}\nbye\n`
  assert.deepEqual(saidIn(output), { ...said, error: '' })
})

test('no result, or half a one, is a failure and not a success', () => {
  assert.throws(() => saidIn('Killed\n'), /Cannot find a result/)
  assert.throws(() => saidIn('{"ok":true}'), /Cannot read as a result/)
  assert.throws(() => saidIn(JSON.stringify({ ...said, produced: '5' })), /Cannot read as a result/)
  assert.throws(() => saidIn(JSON.stringify({ ...said, groups: { classic: '5' } })), /Cannot read as a result/)
  assert.throws(() => saidIn(JSON.stringify({ ...said, groups: undefined })), /Cannot read as a result/)
})
