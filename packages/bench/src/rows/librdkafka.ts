/**
 * Rows of librdkafka, the client in C beneath most others: one producer by size, partitions, acknowledgement and
 * compression; ten producers; producers that do not linger; and consuming.
 */
import type { Figure, Group, Row, RowRun } from '../row.ts'
import {
  ACKS_1,
  ACKS_ALL,
  ACKS_ALL_SYNCED,
  type Acknowledged,
  consume,
  LARGE,
  type ProduceLoad,
  partitionsText,
  produce,
  type Size,
  SMALL,
} from './librdkafka-load.ts'

const SIZES = [SMALL, LARGE]
/** Every kind of acknowledgement is measured on this many. */
const PARTITIONS = 6
const OTHER_PARTITIONS = [1, 100, 1000]
const MANY_PRODUCERS = 10
/** How many times as fast as other brokers where every record goes for itself. */
const NO_LINGER_REQUIRED = 2
/** What `figure` comes to with acks=1 on few partitions. */
const TARGETS = new Map([
  [SMALL, 1_200_000],
  [LARGE, 350],
])
/** Of the target with acks=1, with every message synced before its acknowledgement. */
const ACKS_ALL_SHARE = 0.8
/** More partitions are measured, but no figure is promised. */
const TARGET_PARTITIONS_MAX = 6
/** In a full run: what is read in two or three seconds. */
const CONSUMED_MESSAGES = new Map([
  [SMALL, 4_000_000],
  [LARGE, 1_500_000],
])
const QUICK_SHARE = 0.25

export function librdkafkaGroups(): Group[] {
  return [
    { name: 'librdkafka 100 B', hasBroker: true, rows: sizeRows(SMALL) },
    { name: 'librdkafka 1 KB', hasBroker: true, rows: sizeRows(LARGE) },
    { name: 'compression', hasBroker: true, rows: compressionRows() },
    { name: 'ten producers', hasBroker: true, rows: manyProducersRows() },
    { name: 'without linger', hasBroker: true, rows: noLingerRows() },
  ]
}

function sizeRows(size: Size): Row[] {
  const few = [ACKS_1, ACKS_ALL, ACKS_ALL_SYNCED].map((kind) => plainRow(size, kind, PARTITIONS))
  const others = OTHER_PARTITIONS.flatMap((partitions) =>
    [ACKS_1, ACKS_ALL_SYNCED].map((kind) => plainRow(size, kind, partitions)),
  )
  return [...few, ...others, consumeRow(size, 1), consumeRow(size, PARTITIONS)]
}

function plainRow(size: Size, kind: Acknowledged, partitions: number): Row {
  const target = kind === ACKS_ALL || partitions > TARGET_PARTITIONS_MAX ? {} : targetOf(size, kind)
  return produceRow(
    { ...kind, size, partitions },
    { figure: { name: size.figure, ...target }, quick: 'target' in target },
  )
}

function targetOf(size: Size, { acks }: Acknowledged): Pick<Figure, 'target'> {
  return { target: { atLeast: TARGETS.get(size)! * (acks === 'all' ? ACKS_ALL_SHARE : 1) } }
}

function compressionRows(): Row[] {
  const kinds = [
    { codec: 'lz4', ...ACKS_ALL },
    { codec: 'zstd', ...ACKS_ALL },
    { codec: 'lz4', ...ACKS_ALL_SYNCED },
  ] as const
  const loads = kinds.flatMap((kind) => SIZES.map((size) => ({ ...kind, size, partitions: PARTITIONS })))
  return loads.map((load) => produceRow(load, { quick: load.codec === 'lz4' && load.durability === 'synced' }))
}

function manyProducersRows(): Row[] {
  const kinds = [ACKS_1, ACKS_ALL_SYNCED]
  const loads = kinds.flatMap((kind) => SIZES.map((size) => ({ ...kind, size, partitions: PARTITIONS })))
  return loads.map((load) => produceRow({ ...load, producers: MANY_PRODUCERS }, { quick: load.size === SMALL }))
}

function noLingerRows(): Row[] {
  const kinds = [ACKS_1, ACKS_ALL_SYNCED]
  const loads = kinds.flatMap((kind) =>
    [1, MANY_PRODUCERS].map((producers) => ({ ...kind, producers, size: SMALL, partitions: PARTITIONS, lingerMs: 0 })),
  )
  return loads.map((load) => ({ ...produceRow(load, { quick: load.producers > 1 }), required: NO_LINGER_REQUIRED }))
}

function produceRow(
  load: ProduceLoad & Acknowledged,
  { figure = { name: load.size.figure }, quick }: { figure?: Figure; quick: boolean },
): Row {
  return {
    name: produceName(load),
    figures: [figure],
    durability: load.durability,
    partitions: load.partitions,
    needs: 'librdkafka',
    quick,
    run: async (run) => await produce(run, load),
  }
}

function produceName({ size, acks, partitions, producers = 1, lingerMs, codec }: ProduceLoad): string {
  return [
    `librdkafka produce ${size.name}`,
    ...(codec === undefined ? [] : [codec]),
    ...(lingerMs === 0 ? ['no linger'] : []),
    ...(producers === 1 ? [] : [`${producers} producers`]),
    `acks=${acks}`,
    partitionsText(partitions),
  ].join(', ')
}

/** What is read was just written, so that it comes from memory. */
function consumeRow(size: Size, partitions: number): Row {
  const messagesOf = ({ quick }: RowRun): number => CONSUMED_MESSAGES.get(size)! * (quick ? QUICK_SHARE : 1)
  return {
    name: `librdkafka consume ${size.name}, ${partitionsText(partitions)}`,
    figures: [{ name: size.figure }],
    durability: 'cached',
    partitions,
    needs: 'librdkafka',
    quick: true,
    prepare: async (run) => void (await produce(run, { size, acks: '1', partitions, messages: messagesOf(run) })),
    run: async (run) => await consume(run, { partitions, messages: messagesOf(run) }),
  }
}
