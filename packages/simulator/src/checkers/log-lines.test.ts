import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AssertionError } from '@ottla/base/assert.ts'
import type { LogLine } from '@ottla/base/memory-logger.ts'
import { mistakeIn } from './log-lines.ts'

const line = (error: unknown): LogLine => ({ level: 'error', message: 'Fetch failed', fields: { error } })

test('a broken promise of our own code is found in a line, also behind another error; what may happen is not', () => {
  assert.equal(mistakeIn({ level: 'info', message: 'Hello', fields: {} }), null)
  assert.equal(mistakeIn(line(new Error('the disk is full'))), null)
  assert.match(mistakeIn(line(new AssertionError('offsets rise')))!, /Fetch failed: AssertionError: offsets rise/)
  assert.match(mistakeIn(line(new Error('no', { cause: new TypeError('undefined') })))!, /TypeError/)
})
