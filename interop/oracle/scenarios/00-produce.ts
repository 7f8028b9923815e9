/** Produce (0): requests as a whole. What is in their batches is 00-produce-batches.ts, producer ids are 00-produce-idempotence.ts. */
import { Produce } from '@ottla/protocol/apis/00-produce.ts'
import { AT, batch } from '../batches.ts'
import { read, write } from '../requests-of-clients.ts'
import { ask, type Scenario, scenario } from '../scenario.ts'
import { BATCHES, spoiled } from './00-produce-batches.ts'
import { IDEMPOTENCE } from './00-produce-idempotence.ts'

const a = { a: {} }
export const PRODUCE: readonly Scenario[] = [
  scenario(Produce, 'records are appended one after another', {
    covers: ['4.25', '4.26', '4.29', '0.1'],
    topics: a,
    steps: [
      write(batch({ records: ['one', 'two'] })),
      write(batch({ records: [{ key: 'k', value: 'three', headers: [{ key: 'h', value: 'v' }] }] }), { acks: 1 }),
      write(batch({ records: [{ key: '', value: '' }, { value: null }], leaderEpoch: 7 })),
      read(),
    ],
  }),
  scenario(Produce, 'acks other than -1, 0 and 1 are refused before anything is written', {
    covers: ['4.4'],
    topics: a,
    steps: [
      ...[2, -2, 127].map((acks) => write(batch(), { acks })),
      write(batch(), { acks: 2, topic: '@missing' }),
      read(),
    ],
  }),
  scenario(Produce, 'acks 0 is never answered, and an error closes the connection', {
    covers: ['4.27'],
    topics: a,
    steps: [
      write(batch(), { acks: 0 }, { silent: true }),
      read(),
      write(batch(), { acks: 0, topic: '@missing' }, { silent: true }),
      write(
        batch({ wrongCrc: true, spoil: (bytes) => bytes.writeUInt8(bytes[AT.crc]! ^ 1, AT.crc) }),
        { acks: 0 },
        { silent: true },
      ),
      write(batch(), { acks: 0, index: 1 }, { silent: true }),
      read(),
    ],
  }),
  scenario(Produce, 'unknown topics and partitions', {
    covers: ['4.5', '4.6'],
    topics: { a: { partitions: 2 } },
    steps: [
      write(batch(), { topic: '@missing' }),
      write(batch(), { index: 2 }),
      write(batch(), { index: -1 }),
      write(batch(), { topic: 'not a name' }),
      write(batch(), { topic: '' }),
    ],
  }),
  scenario(Produce, 'partitions fail one by one, and the others are written', {
    covers: ['4.5', '4.26', '4.28'],
    topics: { a: { partitions: 3 }, b: {} },
    steps: [
      ask(Produce, {
        ...{ acks: -1, timeoutMs: 5000 },
        topicData: [
          {
            ...{ name: '@a', topicId: '@a' },
            partitionData: [
              { index: 0, records: batch({ records: ['a0'] }) },
              {
                index: 1,
                records: batch({ wrongCrc: true, spoil: (bytes) => bytes.writeUInt8(bytes[AT.crc]! ^ 1, AT.crc) }),
              },
              { index: 9, records: batch() },
              { index: 2, records: batch({ records: ['a2'] }) },
            ],
          },
          { name: '@b', topicId: '@b', partitionData: [{ index: 0, records: batch({ records: ['b0'] }) }] },
        ],
      }),
      read(),
      read({ index: 1 }),
      read({ index: 2 }),
      read({ topic: '@b' }),
    ],
  }),
  scenario(Produce, 'no topics, and no partitions', {
    covers: ['4.5'],
    topics: a,
    steps: [
      ask(Produce, { acks: -1, timeoutMs: 5000, topicData: [] }),
      ask(Produce, { acks: -1, timeoutMs: 5000, topicData: [{ name: '@a', topicId: '@a', partitionData: [] }] }),
    ],
  }),
  scenario(Produce, 'a partition twice in one request', {
    covers: ['4.5'],
    topics: a,
    steps: [
      ask(Produce, {
        ...{ acks: -1, timeoutMs: 5000 },
        topicData: [
          {
            ...{ name: '@a', topicId: '@a' },
            partitionData: [
              { index: 0, records: batch({ records: ['first'] }) },
              { index: 0, records: batch({ records: ['second'] }) },
            ],
          },
        ],
      }),
      read(),
    ],
  }),
  scenario(Produce, 'no records, several batches and old formats are refused', {
    covers: ['4.7', '0.4'],
    topics: a,
    steps: [
      write(Buffer.alloc(0)),
      write(Buffer.concat([batch(), batch()])),
      ...[0, 1, 3, -1].map((magic) => spoiled((bytes) => bytes.writeInt8(magic, AT.magic))),
      write(batch().subarray(0, 40)),
      write(batch().subarray(0, -1)),
      write(Buffer.concat([batch(), Buffer.from([1, 2, 3])])),
      write(Buffer.alloc(5, 1)),
      read(),
    ],
  }),
  scenario(Produce, 'a null where records should be', {
    covers: ['4.7'],
    versions: [12, 13],
    topics: a,
    steps: [write(null), write(null, { acks: 5 }), write(null, { acks: 0 }, { silent: true }), read()],
  }),
  scenario(Produce, 'internal topics are for brokers, and for the admin client by its id', {
    covers: ['4.8'],
    steps: [
      write(batch(), { topic: '__consumer_offsets' }),
      write(batch(), { topic: '__transaction_state' }),
      write(batch({ records: ['no key'] }), { topic: '__consumer_offsets' }, { clientId: '__admin_client' }),
    ],
    versions: [3, 12],
  }),
  scenario(Produce, 'too few in-sync replicas do not occur with one replica', {
    covers: ['4.11'],
    topics: { a: { configs: { 'min.insync.replicas': '2' } } },
    steps: [write(batch()), write(batch(), { acks: 1 }), read()],
  }),
  scenario(Produce, 'transactional records without a transactional id', {
    covers: ['4.1', '4.2'],
    topics: a,
    steps: [
      write(batch({ transactional: true, producerId: 4000, producerEpoch: 0, baseSequence: 0 })),
      write(batch({ transactional: true })),
      read(),
    ],
  }),
  scenario(Produce, 'transactional records of two producers in one request', {
    covers: ['4.3'],
    topics: { a: { partitions: 2 } },
    steps: [
      ask(Produce, {
        ...{ transactionalId: 'two', acks: -1, timeoutMs: 5000 },
        topicData: [
          {
            ...{ name: '@a', topicId: '@a' },
            partitionData: [4000, 4001].map((producerId, index) => ({
              index,
              records: batch({ transactional: true, producerId, producerEpoch: 0, baseSequence: 0 }),
            })),
          },
        ],
      }),
    ],
  }),
  scenario(Produce, 'a transactional id with plain records means nothing', {
    covers: ['4.2'],
    topics: a,
    steps: [write(batch(), { transactionalId: 'plain' }), read()],
  }),
  scenario(Produce, 'a broker’s own limits and codec', {
    covers: ['4.12', '4.29', '0.2'],
    profile: 'strict',
    topics: a,
    steps: [
      write(batch({ records: ['one', 'two'] })),
      write(batch({ records: ['x'.repeat(1931)] })),
      write(batch({ records: ['x'.repeat(1932)] })),
      write(batch({ records: ['three'], codec: 'zstd' })),
      read(),
    ],
  }),
  ...BATCHES,
  ...IDEMPOTENCE,
]
