import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { LINE_BYTES_MAX, splitLines } from './lines.ts'

async function lines(chunks: Buffer[]): Promise<string[]> {
  const result: string[] = []
  for await (const some of splitLines(streamOf(chunks))) result.push(...some.map((line) => line.toString('latin1')))
  return result
}

async function* streamOf(chunks: Buffer[]): AsyncGenerator<Buffer> {
  yield* chunks
}

test('a last line without its newline is a line too, and an empty line is one', async () => {
  assert.deepEqual(await lines([Buffer.from('a\n\nb')]), ['a', '', 'b'])
  assert.deepEqual(await lines([Buffer.from('a\n')]), ['a'])
  assert.deepEqual(await lines([]), [])
})

test('carriage returns and bytes that are no text are kept', async () => {
  assert.deepEqual(await lines([Buffer.from([13, 10, 0, 255, 13, 10])]), ['\r', '\0\xff\r'])
})

test('lines do not depend on where the stream was cut', async () => {
  const anyBytes = fc.array(fc.constantFrom(10, 10, 97, 13, 0, 255), { maxLength: 60 })
  await fc.assert(
    fc.asyncProperty(anyBytes, fc.array(fc.nat(60), { maxLength: 8 }), async (bytes, cuts) => {
      const whole = Buffer.from(bytes)
      const edges = [0, ...cuts.filter((cut) => cut < whole.length).sort((a, b) => a - b), whole.length]
      const chunks = edges.slice(1).map((edge, i) => whole.subarray(edges[i]!, edge))
      assert.deepEqual(await lines(chunks), await lines([whole]))
    }),
    { numRuns: 200, seed: 1 },
  )
})

test('a line without an end is refused instead of filling memory', async () => {
  const chunk = Buffer.alloc(LINE_BYTES_MAX / 2)
  await assert.rejects(lines([chunk, chunk, Buffer.from('a')]), /Cannot read a line/)
})
