/** Produce (0) with producer ids: sequences, epochs and duplicates. The ids are invented: brokers take any. */
import { Produce } from '@ottla/protocol/apis/00-produce.ts'
import { AT, batch } from '../batches.ts'
import { newProducer, read, write } from '../requests-of-clients.ts'
import { ask, type Scenario, scenario } from '../scenario.ts'

const a = { a: {} }
const PRODUCER = 5000
const LAST_SEQUENCE = 2147483647

const sequenced = (baseSequence: number, text: { epoch?: number; count?: number; producerId?: number } = {}) => {
  const { epoch: producerEpoch = 0, count = 1, producerId = PRODUCER } = text
  const records = Array.from({ length: count }, (_, i) => `s${baseSequence + i}`)
  return write(batch({ producerId, producerEpoch, baseSequence, records }))
}

export const IDEMPOTENCE: readonly Scenario[] = [
  scenario(Produce, 'a batch that comes again is answered as the first time', {
    covers: ['4.16', '4.17'],
    topics: a,
    steps: [sequenced(0, { count: 2 }), sequenced(2), sequenced(0, { count: 2 }), sequenced(2), sequenced(3), read()],
  }),
  scenario(Produce, 'a batch that comes again to a LogAppendTime topic', {
    covers: ['4.17'],
    topics: { a: { configs: { 'message.timestamp.type': 'LogAppendTime' } } },
    steps: [sequenced(0), sequenced(0), read()],
  }),
  scenario(Produce, 'the last five batches are remembered, the sixth is not', {
    covers: ['4.17', '4.20'],
    topics: a,
    steps: [
      ...[0, 1, 2, 3, 4, 5].map((sequence) => sequenced(sequence)),
      sequenced(1),
      sequenced(0),
      sequenced(6),
      sequenced(1),
      read(),
    ],
  }),
  scenario(Produce, 'a sequence that leaves a gap, or overlaps', {
    covers: ['4.20'],
    topics: a,
    steps: [
      sequenced(0, { count: 3 }),
      sequenced(4),
      sequenced(1),
      sequenced(0, { count: 2 }),
      sequenced(2, { count: 2 }),
      sequenced(3),
      read(),
    ],
  }),
  scenario(Produce, 'an older epoch is fenced', {
    covers: ['4.18'],
    topics: a,
    steps: [
      sequenced(0, { epoch: 3 }),
      sequenced(1, { epoch: 2 }),
      sequenced(0, { epoch: 0 }),
      sequenced(1, { epoch: 3 }),
    ],
  }),
  scenario(Produce, 'a newer epoch begins at 0', {
    covers: ['4.19'],
    topics: a,
    steps: [
      sequenced(0),
      sequenced(1, { epoch: 1 }),
      sequenced(0, { epoch: 1 }),
      sequenced(1, { epoch: 1 }),
      sequenced(1),
      sequenced(0, { epoch: 32767 }),
      read(),
    ],
  }),
  scenario(Produce, 'an unknown producer begins anywhere', {
    covers: ['4.21', '4.22'],
    topics: a,
    steps: [sequenced(17), sequenced(18), sequenced(0, { epoch: 1 }), sequenced(5, { producerId: 6000, epoch: 9 })],
  }),
  scenario(Produce, 'sequences wrap from 2147483647 to 0', {
    covers: ['4.20'],
    topics: a,
    steps: [
      sequenced(LAST_SEQUENCE - 1, { count: 2 }),
      sequenced(0),
      sequenced(LAST_SEQUENCE - 1, { count: 2 }),
      sequenced(0),
      read(),
    ],
  }),
  scenario(Produce, 'a batch whose sequences wrap within', {
    covers: ['4.20'],
    topics: a,
    steps: [
      sequenced(LAST_SEQUENCE, { count: 3 }),
      sequenced(2),
      sequenced(LAST_SEQUENCE, { count: 3 }),
      sequenced(1),
      read(),
    ],
  }),
  scenario(Produce, 'a producer id without a sequence', {
    covers: ['4.13'],
    topics: a,
    steps: [
      write(batch({ producerId: PRODUCER, producerEpoch: 0, baseSequence: -1 })),
      write(batch({ producerId: PRODUCER, producerEpoch: -1, baseSequence: 0 })),
      write(batch({ producerId: -1, producerEpoch: -1, baseSequence: 0 })),
      write(batch({ producerId: -2, producerEpoch: 0, baseSequence: 0 })),
      write(batch({ producerId: PRODUCER, producerEpoch: -5, baseSequence: 0 })),
      write(batch({ producerId: PRODUCER + 1, baseSequence: -2, producerEpoch: 0 })),
      read(),
    ],
  }),
  scenario(Produce, 'a refused batch leaves the sequence where it was', {
    covers: ['4.16'],
    topics: { a: { configs: { 'cleanup.policy': 'compact' } } },
    steps: [
      write(batch({ producerId: PRODUCER, producerEpoch: 0, baseSequence: 0, records: [{ key: 'k', value: 'v' }] })),
      sequenced(1),
      write(batch({ producerId: PRODUCER, producerEpoch: 0, baseSequence: 1, records: [{ key: 'k', value: 'w' }] })),
      read(),
    ],
  }),
  scenario(Produce, 'a real producer id, on several partitions', {
    covers: ['4.16', '4.21'],
    topics: { a: { partitions: 2 } },
    steps: [
      newProducer(),
      ask(Produce, ({ producerId }) => ({
        ...{ acks: -1, timeoutMs: 5000 },
        topicData: [
          {
            ...{ name: '@a', topicId: '@a' },
            partitionData: [0, 1].map((index) => ({
              index,
              records: batch({ producerId: producerId(0), producerEpoch: 0, baseSequence: 0 }),
            })),
          },
        ],
      })),
      read(),
      read({ index: 1 }),
    ],
  }),
  scenario(Produce, 'duplicates are told before other faults of the same bytes', {
    covers: ['4.17', '4.13'],
    topics: a,
    steps: [
      sequenced(0),
      write(
        batch({
          ...{ producerId: PRODUCER, producerEpoch: 0, baseSequence: 0, records: ['s0'] },
          spoil: (bytes) => bytes.writeInt32BE(2, AT.recordCount),
        }),
      ),
      write(batch({ producerId: PRODUCER, producerEpoch: 0, baseSequence: 0, records: ['other bytes'] })),
    ],
  }),
]
