import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openFilesMax } from './process-limits.ts'

test('the limit of open files is a whole number that a process can live with', () => {
  assert.ok(Number.isSafeInteger(openFilesMax()))
  assert.ok(openFilesMax() >= 16)
})
