import assert from 'node:assert/strict'
import { test } from 'node:test'
import { NodeDisk } from '@ottla/base/node-disk.ts'
import { parseProcessSample, sampleProcess } from './process-sample.ts'

const status = 'Name:\tnode\nVmPeak:\t  900000 kB\nVmHWM:\t  120000 kB\nVmRSS:\t   80000 kB\nThreads:\t11\n'
const fields = 'S 1 4242 4242 0 -1 4194304 100 0 0 0 250 125 0 0 20 0 11 0 100 0 0'

test('CPU time is user and system time in seconds, memory is in bytes', () => {
  const sample = parseProcessSample(`4242 (node) ${fields}`, status)
  assert.deepEqual(sample, { cpuSeconds: 3.75, residentBytes: 81_920_000 })
})

test("parentheses and spaces in a process's name shift nothing", () => {
  assert.equal(parseProcessSample(`4242 (a) b (c)) ${fields}`, status).cpuSeconds, 3.75)
})

test('a process that does not exist has no sample', () => {
  assert.equal(sampleProcess(new NodeDisk(), 2 ** 30), null)
})

test('this process has a sample where the system tells', { skip: process.platform !== 'linux' }, () => {
  const sample = sampleProcess(new NodeDisk(), process.pid)
  assert.ok(sample !== null && sample.residentBytes > 1e6)
})
