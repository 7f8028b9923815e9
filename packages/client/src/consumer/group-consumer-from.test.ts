import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Fetch } from '@ottla/protocol/apis/01-fetch.ts'
import { ListOffsets } from '@ottla/protocol/apis/02-list-offsets.ts'
import { errorCode } from '@ottla/protocol/errors.ts'
import { settled } from '../fake-broker.ts'
import { classicWorld, END, nextWorld, take } from './group-world.ts'

type World = Awaited<ReturnType<typeof classicWorld>>

/** Fetches of what lies outside of the log are refused, others as ever answered with nothing. */
function refuseOutside({ broker }: World): void {
  broker.on(Fetch, ({ topics }) => ({
    responses: topics.map(({ topicId, partitions }) => ({
      topicId,
      partitions: partitions.map(({ partition: partitionIndex, fetchOffset }) => ({
        ...{ partitionIndex, highWatermark: END, records: Buffer.alloc(0), abortedTransactions: null },
        errorCode: fetchOffset > END ? errorCode('OFFSET_OUT_OF_RANGE') : 0,
      })),
    })),
  }))
}

for (const [name, open] of [
  ['classic', classicWorld],
  ['consumer protocol', nextWorld],
] as const) {
  const farewell = name === 'classic' ? 'leave m' : 'beat -1'

  test(`${name}, from error: a partition without a committed offset ends the consumer, which leaves the group`, async () => {
    const it = await open()
    for (const partition of [0, 2]) it.committed.set(partition, 4)
    const consumer = await it.join({ from: 'error' })
    await it.time.run(1000)
    await assert.rejects(consumer.records().next(), /Group "g" has no committed offset of "t-1": commit one.*begin/)
    assert.ok(it.happened().includes(farewell))
    assert.deepEqual(
      [...it.committed],
      [
        [0, 4],
        [2, 4],
      ],
      'nothing is committed for who asked to be told',
    )
    assert.equal(it.broker.count(ListOffsets), 0)
  })

  test(`${name}, from error: with a committed offset of each partition it reads on`, async () => {
    const it = await open()
    for (const partition of [0, 1, 2]) it.committed.set(partition, 5)
    const consumer = await it.join({ from: 'error' })
    const records = consumer.records()
    const seen = [await take(it, records), await take(it, records), await take(it, records)]
    assert.deepEqual(seen.sort(), ['0:5', '1:5', '2:5'])
    await settled(it.time, consumer.leave(), 1000)
  })

  test(`${name}, from error: a committed offset that is not in the log ends the consumer, which leaves the group`, async () => {
    const it = await open()
    refuseOutside(it as World)
    for (const [partition, offset] of [END, END, 99].entries()) it.committed.set(partition, offset)
    const consumer = await it.join({ from: 'error' })
    const refused = assert.rejects(consumer.records().next(), /Cannot read "t-2" at offset 99: it is not in the log/)
    await it.time.run(1000)
    await refused
    assert.ok(it.happened().includes(farewell))
    assert.equal(it.committed.get(2), 99)
  })
}
