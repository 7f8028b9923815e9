import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ReadLease } from './log.ts'
import { CHUNK_BYTES_MIN } from './tail-budget.ts'
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
