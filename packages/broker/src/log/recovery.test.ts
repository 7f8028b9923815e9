import assert from 'node:assert/strict'
import { test } from 'node:test'
import { batchBaseOffset } from '@ottla/protocol/records/batch.ts'
import { DIRECTORY, LogFixture, readBatches } from './testing.ts'

test('the index of a segment that ends at the recovery point is not believed: it may be older than the segment', async () => {
  const fixture = new LogFixture({ settings: { indexIntervalBytes: 100, segmentBytes: 10_000 } })
  const log = await fixture.finished(fixture.open())
  for (let i = 0; i < 10; i++) fixture.append(log, { count: 2, valueBytes: 50 })
  await fixture.finished(log.synced())
  const recoveryPoint = log.syncedOffset
  log.roll()
  // The machine stops before the index that was just written is synced, and brings back what an earlier life of this
  // segment, of which batches were lost, had written there.
  const stale = Buffer.alloc(8)
  stale.writeInt32BE(15, 0)
  stale.writeInt32BE(777, 4)
  fixture.disk.replaceFile(`${DIRECTORY}/00000000000000000000.index`, stale)
  const recovered = await fixture.finished(fixture.open({ recoveryPoint }))
  for (let offset = 0; offset < 20; offset += 2) {
    const [first] = await fixture.finished(readBatches(recovered, offset))
    assert.equal(batchBaseOffset(first!, 0), offset)
  }
})
