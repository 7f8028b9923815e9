import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ReadLease } from './log.ts'
import { type BudgetedTail, CHUNK_BYTES_MIN, TailBudget, TailChunk } from './tail-budget.ts'
import { LogFixture } from './testing.ts'

const OTHER = '/data/t-1'

test('a log without appends holds no memory, and one with few holds one small chunk', async () => {
  const fixture = new LogFixture()
  const log = await fixture.open()
  assert.equal(fixture.tail.liveBytes, 0)
  fixture.append(log)
  assert.equal(fixture.tail.liveBytes, CHUNK_BYTES_MIN)
})

test('the tail that was used least recently gives way, and its records come from the file', async () => {
  const fixture = new LogFixture({ tailBytesMax: 2 * CHUNK_BYTES_MIN })
  const [idle, busy] = [await fixture.open(), await fixture.open({ directory: OTHER })]
  fixture.append(idle)
  await fixture.finished(idle.synced())
  for (let i = 0; i < 100; i++) {
    fixture.append(busy, { valueBytes: 2000 })
    await fixture.finished(busy.written())
    assert.ok(fixture.tail.liveBytes + fixture.tail.pooledBytes <= 2 * CHUNK_BYTES_MIN * 2, 'one chunk may be larger')
  }
  const lease = idle.read({ offset: 0, maxOffset: 1, maxBytes: 100, minOneBatch: true })
  assert.ok(lease instanceof Promise)
  assert.ok((await lease).bytes > 0)
})

test('what is read or not written yet stays in memory however full it is', async () => {
  const fixture = new LogFixture({ tailBytesMax: CHUNK_BYTES_MIN })
  const log = await fixture.open()
  fixture.append(log, { valueBytes: 10_000 })
  await fixture.finished(log.synced())
  const lease = log.read({ offset: 0, maxOffset: 1, maxBytes: 100, minOneBatch: true }) as ReadLease
  const held = Buffer.from(lease.parts[0]!)
  for (let i = 0; i < 5; i++) fixture.append(log, { valueBytes: 10_000 })
  assert.deepEqual(lease.parts[0], held)
  log.verify()
  lease.release()
  await fixture.finished(log.synced())
  fixture.append(log, { valueBytes: 60_000 })
  log.verify()
  assert.ok(log.read({ offset: 0, maxOffset: 1, maxBytes: 100, minOneBatch: true }) instanceof Promise)
})

test('no more sealed segments stay open than the limit says', async () => {
  const fixture = new LogFixture({ settings: { segmentBytes: 200 }, tailBytesMax: CHUNK_BYTES_MIN })
  const log = await fixture.open()
  for (let i = 0; i < 400; i++) fixture.append(log)
  await fixture.finished(log.synced())
  const again = await fixture.finished(fixture.open({ recoveryPoint: 400 }))
  for (let offset = 0; offset < 390; offset += 7) {
    const lease = await again.read({ offset, maxOffset: 400, maxBytes: 100, minOneBatch: true })
    lease.release()
    assert.ok(fixture.openSegments.fileCount <= 2)
  }
})

test('making room asks only tails that hold something, however many have given all they had', async () => {
  const budget = new TailBudget(4 * CHUNK_BYTES_MIN)
  let asked = 0
  for (let i = 0; i < 1000; i++) {
    const tail = oneChunkTail(budget, () => asked++)
    budget.touch(tail)
    budget.take(CHUNK_BYTES_MIN)
  }
  assert.ok(asked <= 1000, `${asked} tails were asked for 1,000 chunks`)
  assert.ok(budget.liveBytes <= 4 * CHUNK_BYTES_MIN)
})

test('tails that can give nothing now are not all asked for each chunk', async () => {
  const budget = new TailBudget(CHUNK_BYTES_MIN)
  let asked = 0
  for (let i = 0; i < 1000; i++) budget.touch(refusingTail(() => asked++))
  for (let i = 0; i < 10; i++) budget.take(CHUNK_BYTES_MIN)
  assert.ok(asked <= 1000, `${asked} tails were asked for 10 chunks`)
})

test('a log that gave up its only chunk for its own next one gives that up too when others need it', async () => {
  const fixture = new LogFixture({ tailBytesMax: CHUNK_BYTES_MIN })
  const [first, second] = [await fixture.open(), await fixture.open({ directory: OTHER })]
  for (let i = 0; i < 2; i++) {
    fixture.append(first, { valueBytes: 3000 })
    await fixture.finished(first.written())
  }
  fixture.append(second, { valueBytes: 3000 })
  await fixture.finished(second.written())
  assert.ok(fixture.tail.liveBytes <= CHUNK_BYTES_MIN, `${fixture.tail.liveBytes} bytes are held`)
})

function oneChunkTail(budget: TailBudget, onAsked: () => void): BudgetedTail {
  const tail: BudgetedTail = {
    ...{ older: null, newer: null, recent: false },
    evictOldest: () => {
      onAsked()
      budget.remove(tail)
      budget.give(new TailChunk(CHUNK_BYTES_MIN))
      return true
    },
  }
  return tail
}

function refusingTail(onAsked: () => void): BudgetedTail {
  const evictOldest = () => {
    onAsked()
    return false
  }
  return { older: null, newer: null, recent: false, evictOldest }
}
