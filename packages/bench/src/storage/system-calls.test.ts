import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseSystemCalls } from './system-calls.ts'

const SUMMARY = `% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 61.11    0.001100           5       200           epoll_pwait
 38.89    0.000700           3       210        10 read
------ ----------- ----------- --------- --------- ----------------
100.00    0.001800           4       410        10 total
`

test('each system call is counted once, those that failed too, and the sum is none', () => {
  assert.deepEqual(parseSystemCalls(SUMMARY), { epoll_pwait: 200, read: 210 })
})

test('a summary of nothing counts nothing', () => {
  assert.deepEqual(parseSystemCalls(''), {})
})
