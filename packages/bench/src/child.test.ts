import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CommandError, numberOf, runCommand, runGenerator } from './child.ts'

const timeoutMs = 30_000

function node(program: string): [string, string[]] {
  return [process.execPath, ['-e', program]]
}

test("a generator's last line is its result", async () => {
  const result = await runGenerator(...node(`console.log('warming up'); console.log('{"a":1,"b":{"c":2}}')`), {
    timeoutMs,
  })
  assert.equal(numberOf(result, 'a'), 1)
  assert.equal(numberOf(result, 'b.c'), 2)
})

test('a number that was not printed fails by its name', () => {
  assert.throws(() => numberOf({ a: 1, b: { c: 2 } }, 'd'), /"d"/)
  assert.throws(() => numberOf({ a: 1, b: { c: 2 } }, 'b'), /"b"/)
  assert.throws(() => numberOf({ a: 1, b: { c: 2 } }, 'b.d'), /"b.d"/)
})

test('a command that fails tells what it said', async () => {
  const run = runCommand(...node(`console.error('no such topic'); process.exit(1)`), { timeoutMs })
  await assert.rejects(run, (error) => error instanceof CommandError && error.message.includes('no such topic'))
})

test('a generator that prints no JSON fails', async () => {
  await assert.rejects(runGenerator(...node(`console.log('done')`), { timeoutMs }), /"done"/)
})

test('a command that does not end is ended', async () => {
  await assert.rejects(runCommand(...node('setInterval(() => {}, 1000)'), { timeoutMs: 1 }), /did not end in time/)
})
