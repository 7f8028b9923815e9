/** Produce (0): batches and records, sound and spoiled in one place each. */
import { Produce } from '@ottla/protocol/apis/00-produce.ts'
import { AT, batch, TIME_MS } from '../batches.ts'
import { read, write } from '../requests-of-clients.ts'
import { type Scenario, scenario } from '../scenario.ts'

const a = { a: {} }
const FAR_FUTURE_MS = 4_102_444_800_000
const LOG_APPEND_TIME_BIT = 0x08

/** Two records that differ from sound ones in one place. */
export const spoiled = (spoil: (batch: Buffer) => unknown, wrongCrc = false) =>
  write(batch({ records: ['one', 'two'], spoil, wrongCrc }))

/** Both tell of one record more than there is. */
function countsThree(bytes: Buffer): void {
  bytes.writeInt32BE(3, AT.recordCount)
  bytes.writeInt32BE(2, AT.lastOffsetDelta)
}

function countsOne(bytes: Buffer): void {
  bytes.writeInt32BE(1, AT.recordCount)
  bytes.writeInt32BE(0, AT.lastOffsetDelta)
}

function wrongCrc(bytes: Buffer): void {
  bytes.writeUInt8(bytes[AT.crc]! ^ 1, AT.crc)
}

export const BATCHES: readonly Scenario[] = [
  scenario(Produce, 'an impossible batch length', {
    covers: ['4.7', '0.4'],
    topics: a,
    steps: [
      spoiled((bytes) => bytes.writeInt32BE(-1, AT.length), true),
      spoiled((bytes) => bytes.writeInt32BE(0, AT.length), true),
      spoiled((bytes) => bytes.writeInt32BE(48, AT.length), true),
      spoiled((bytes) => bytes.writeInt32BE(10_000, AT.length), true),
      spoiled((bytes) => bytes.writeInt32BE(0x7fffffff, AT.length), true),
      read(),
    ],
  }),
  scenario(Produce, 'a checksum that is wrong', {
    covers: ['4.12'],
    topics: a,
    steps: [
      spoiled(wrongCrc, true),
      spoiled((bytes) => bytes.writeUInt8(bytes.at(-1)! ^ 1, bytes.length - 1), true),
      read(),
    ],
  }),
  scenario(Produce, 'a base offset that is not 0', {
    covers: ['4.12'],
    topics: a,
    steps: [write(batch({ baseOffset: 1 })), write(batch({ baseOffset: 1_000_000 })), read()],
  }),
  scenario(Produce, 'a batch beyond max.message.bytes', {
    covers: ['4.12', '4.15'],
    topics: { a: { configs: { 'max.message.bytes': '500' } }, b: {} },
    steps: [
      write(batch({ records: ['x'.repeat(431)] })),
      write(batch({ records: ['x'.repeat(432)] })),
      write(batch({ records: ['x'.repeat(500)], wrongCrc: true, spoil: wrongCrc })),
      write(batch({ records: ['x'.repeat(500)], codec: 'gzip' })),
      write(batch({ records: ['x'.repeat(1_048_600)] }), { topic: '@b' }),
      read({ partitionMaxBytes: 10 }),
    ],
  }),
  scenario(Produce, 'a batch beyond segment.bytes', {
    covers: ['4.15'],
    topics: { a: { configs: { 'segment.bytes': '1048576', 'max.message.bytes': '3000000' } } },
    steps: [write(batch({ records: ['x'.repeat(1_048_600)] })), write(batch({ records: ['small'] }))],
  }),
  scenario(Produce, 'counts and deltas that contradict each other', {
    covers: ['4.13'],
    topics: a,
    steps: [
      ...[-1, 0, 5, 0x7fffffff].map((delta) => spoiled((bytes) => bytes.writeInt32BE(delta, AT.lastOffsetDelta))),
      ...[0, -1, 3].map((count) => spoiled((bytes) => bytes.writeInt32BE(count, AT.recordCount))),
      spoiled(countsThree),
      spoiled(countsOne),
      read(),
    ],
  }),
  scenario(Produce, 'a record whose structure is broken', {
    covers: ['4.13'],
    topics: a,
    steps: [
      ...[0x7e, 0x01].map((length) => spoiled((bytes) => bytes.writeUInt8(length, AT.records))),
      spoiled((bytes) => bytes.writeUInt8(0x02, AT.records + 3)),
      spoiled((bytes) => bytes.writeUInt8(0x02, AT.records + 4)),
      ...[0x40, 0x01].map((length) => spoiled((bytes) => bytes.writeUInt8(length, AT.records + 5))),
      ...[0x02, 0x01].map((count) => spoiled((bytes) => bytes.writeUInt8(count, AT.records + 9))),
      read(),
    ],
  }),
  scenario(Produce, 'control batches are for brokers', {
    covers: ['4.13'],
    topics: a,
    steps: [write(batch({ control: true })), spoiled((bytes) => bytes.writeInt16BE(0x20, AT.attributes)), read()],
  }),
  scenario(Produce, 'attributes that have no meaning', {
    covers: ['4.13'],
    topics: a,
    steps: [
      ...[0x40, 0x80, 0x05, 0x07].map((value) => spoiled((bytes) => bytes.writeInt16BE(value, AT.attributes))),
      read(),
    ],
  }),
  scenario(Produce, 'every codec is kept as it came', {
    covers: ['4.7', '4.29'],
    topics: a,
    steps: [
      ...(['gzip', 'snappy', 'lz4', 'zstd'] as const).map((codec) =>
        write(batch({ records: ['one', 'two', 'x'.repeat(200)], codec })),
      ),
      read(),
    ],
  }),
  scenario(Produce, 'compressed bytes that are broken', {
    covers: ['4.13', '0.4'],
    topics: a,
    steps: [
      ...[1, 2, 3, 4].map((codec) => spoiled((bytes) => bytes.writeInt16BE(codec, AT.attributes))),
      write(batch({ records: ['one', 'two'], codec: 'gzip', spoil: (bytes) => bytes.writeInt32BE(3, AT.recordCount) })),
      write(batch({ records: ['one', 'two'], codec: 'gzip', spoil: countsThree })),
      read(),
    ],
  }),
  scenario(Produce, 'a topic with compression.type compresses anew', {
    covers: ['4.29'],
    topics: { a: { configs: { 'compression.type': 'lz4' } }, b: { configs: { 'compression.type': 'uncompressed' } } },
    steps: ['@a', '@b'].flatMap((topic) => [
      write(batch({ records: ['one', 'two'] }), { topic }),
      write(batch({ records: ['three', 'four'], codec: 'gzip' }), { topic }),
      write(batch({ records: ['five'], codec: 'lz4' }), { topic }),
      read({ topic }),
    ]),
  }),
  scenario(Produce, 'a compacted topic needs keys', {
    covers: ['4.14'],
    topics: {
      a: { configs: { 'cleanup.policy': 'compact' } },
      b: { configs: { 'cleanup.policy': 'compact,delete' } },
    },
    steps: ['@a', '@b'].flatMap((topic) => [
      write(batch({ records: [{ key: 'k', value: 'v' }] }), { topic }),
      write(batch({ records: [{ key: 'k', value: null }] }), { topic }),
      write(batch({ records: [{ key: 'k', value: 'v' }, { value: 'no key' }, { key: 'k', value: 'w' }, 'none'] }), {
        topic,
      }),
      write(batch({ records: ['no key'], codec: 'gzip' }), { topic }),
      read({ topic }),
    ]),
  }),
  scenario(Produce, 'timestamps outside the accepted range', {
    covers: ['4.14'],
    topics: {
      a: {},
      b: { configs: { 'message.timestamp.before.max.ms': '1000' } },
      c: { configs: { 'message.timestamp.after.max.ms': '9223372036854775807' } },
    },
    steps: [
      write(batch({ records: [{ timestampMs: FAR_FUTURE_MS, value: 'v' }] })),
      write(batch({ records: ['fine', { timestampMs: FAR_FUTURE_MS, value: 'v' }] })),
      ...[-1, -2, 0].map((timestampMs) => write(batch({ records: [{ timestampMs, value: 'v' }] }))),
      write(batch(), { topic: '@b' }),
      write(batch({ records: [{ timestampMs: FAR_FUTURE_MS, value: 'v' }] }), { topic: '@c' }),
      read(),
    ],
  }),
  scenario(Produce, 'a bad timestamp is told before a missing key', {
    covers: ['4.14'],
    topics: { a: { configs: { 'cleanup.policy': 'compact' } } },
    steps: [
      write(batch({ records: ['no key', { key: 'k', timestampMs: FAR_FUTURE_MS }] })),
      write(batch({ records: [{ key: 'k', timestampMs: FAR_FUTURE_MS }, 'no key'] })),
    ],
  }),
  scenario(Produce, 'LogAppendTime is the topic’s to set', {
    covers: ['4.14', '4.25', '4.29'],
    topics: { a: { configs: { 'message.timestamp.type': 'LogAppendTime' } }, b: {} },
    steps: [
      write(batch({ records: ['one', 'two'] })),
      write(batch({ records: ['three'], codec: 'gzip' })),
      write(batch({ records: [{ timestampMs: FAR_FUTURE_MS, value: 'v' }] })),
      write(batch({ logAppendTimeMs: TIME_MS })),
      write(batch({ logAppendTimeMs: TIME_MS }), { topic: '@b' }),
      spoiled((bytes) => bytes.writeInt16BE(LOG_APPEND_TIME_BIT, AT.attributes)),
      read(),
      read({ topic: '@b' }),
    ],
  }),
]
