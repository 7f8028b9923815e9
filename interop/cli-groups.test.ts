import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '@ottla/base/clock.ts'
import { deferred } from '@ottla/base/deferred.ts'
import { MemoryDisk } from '@ottla/base/memory-disk.ts'
import type { StandardStreams } from '@ottla/base/standard-streams.ts'
import { Broker } from '@ottla/broker/broker.ts'
import { runCommand } from '@ottla/cli/run.ts'
import {
  alterGroupOffsets,
  createPartitions,
  createTopics,
  deleteGroupOffsets,
  describeGroups,
  listGroupOffsets,
  removeMembers,
} from '@ottla/client/admin.ts'
import { type Client, openClient } from '@ottla/client/client.ts'
import { GroupConsumer, type GroupConsumerOptions } from '@ottla/client/consumer/group-consumer.ts'
import { DisposedError } from '@ottla/client/errors.ts'
import { Producer } from '@ottla/client/producer/producer.ts'

const PARTITIONS = 3
/** As they are, a new group waits three seconds for further members, and members hear of changes after five. */
const SETTINGS = {
  'group.initial.rebalance.delay.ms': '0',
  'group.consumer.min.heartbeat.interval.ms': '100',
  'group.consumer.heartbeat.interval.ms': '100',
}

/** A broker in this process, with a topic of three partitions. */
async function world() {
  const stack = new AsyncDisposableStack()
  const broker = stack.use(await Broker.start({ storage: 'memory', port: 0, settings: SETTINGS }))
  const bootstrap = broker.bootstrap
  const client = stack.use(await openClient({ bootstrap }))
  const [created] = await createTopics(client, [{ name: 't', partitions: PARTITIONS }])
  assert.equal(created?.error, null)
  const producer = stack.use(new Producer(client))
  const produce = async (from: number, to: number): Promise<void> => {
    const numbers = Array.from({ length: to - from }, (_, index) => from + index)
    for (let partition = 0; partition < PARTITIONS; partition++) {
      const mine = numbers.filter((number) => number % PARTITIONS === partition)
      await producer.sendBatch(
        't',
        mine.map((number) => ({ partition, value: String(number) })),
      )
    }
  }
  return { client, bootstrap, produce, [Symbol.asyncDispose]: () => stack[Symbol.asyncDispose]() }
}

/** A member that notes down what it reads, and tells when it has got partitions. */
async function member(client: Client, options: Partial<GroupConsumerOptions>, seen: string[]) {
  let assigned = deferred<void>()
  const consumer = await GroupConsumer.join(client, {
    group: 'g',
    ...('pattern' in options ? {} : { topics: ['t'] }),
    from: 'beginning',
    heartbeatIntervalMs: 100,
    ...options,
    onAssigned: () => assigned.resolve(),
  })
  const reading = (async () => {
    try {
      for await (const record of consumer.records()) seen.push(String(record.value))
    } catch (error) {
      if (!(error instanceof DisposedError)) throw error
    }
  })()
  const nextAssignment = async (): Promise<void> => {
    await assigned.promise
    assigned = deferred<void>()
  }
  return { consumer, reading, nextAssignment }
}

async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  // Turns of the event loop, not time: the test's own limit ends it where it never comes true.
  while (!(await isSo())) await new Promise<void>((resolve) => setImmediate(resolve))
}

for (const protocol of ['classic', 'consumer'] as const) {
  test(`${protocol}: a second member takes its share, and no record is lost or read twice`, {
    timeout: 60_000,
  }, async () => {
    await using it = await world()
    const seen: string[] = []
    await it.produce(0, 300)
    const first = await member(it.client, { protocol }, seen)
    await until(() => seen.length === 300)
    assert.equal(first.consumer.assignment.length, PARTITIONS)
    const second = await member(it.client, { protocol }, seen)
    await second.nextAssignment()
    await it.produce(300, 600)
    await until(() => seen.length >= 600)
    const shares = [first, second].map(({ consumer }) => consumer.assignment.length).sort()
    assert.deepEqual(shares, [1, 2])
    await first.consumer.leave()
    await until(() => second.consumer.assignment.length === PARTITIONS)
    await it.produce(600, 900)
    await until(() => seen.length >= 900)
    await second.consumer.leave()
    await Promise.all([first.reading, second.reading])
    assert.equal(seen.length, 900)
    assert.equal(new Set(seen).size, 900)
    const offsets = await listGroupOffsets(it.client, 'g')
    assert.deepEqual(
      offsets.map(({ offset, lag }) => [offset, lag]),
      Array.from({ length: PARTITIONS }, () => [300, 0]),
    )
    const [group] = await describeGroups(it.client, ['g'])
    assert.deepEqual([group?.state, group?.members.length], ['Empty', 0])
  })

  test(`${protocol}: what was not committed is read again, what was committed is not`, {
    timeout: 60_000,
  }, async () => {
    await using it = await world()
    await it.produce(0, 30)
    const options = { group: 'g', topics: ['t'], protocol, from: 'beginning', autoCommit: false } as const
    const read = async (count: number, commitAt: number): Promise<string[]> => {
      await using consumer = await GroupConsumer.join(it.client, options)
      const seen: string[] = []
      for await (const { value } of consumer.records()) {
        seen.push(String(value))
        if (seen.length === commitAt) await consumer.commit()
        if (seen.length === count) break
      }
      return seen
    }
    const first = await read(20, 10)
    const second = await read(20, 20)
    assert.deepEqual([...new Set([...first.slice(0, 10), ...second])].length, 30)
  })
}

test('auto takes the consumer protocol where the broker serves it; a pattern is applied by the broker', {
  timeout: 60_000,
}, async () => {
  await using it = await world()
  await createTopics(it.client, [
    { name: 'more-1', partitions: 2 },
    { name: 'less', partitions: 1 },
  ])
  const { consumer, reading } = await member(it.client, { pattern: 't|more-.*' }, [])
  await until(() => consumer.assignment.length === PARTITIONS + 2)
  const [group] = await describeGroups(it.client, ['g'])
  assert.equal(group?.type, 'consumer')
  await consumer.leave()
  await reading
})

test('classic: topics and partitions that are made later are read from then on', { timeout: 60_000 }, async () => {
  await using it = await world()
  const { consumer, reading } = await member(it.client, { pattern: 't|later-.*', protocol: 'classic' }, [])
  await until(() => consumer.assignment.length === PARTITIONS)
  await createTopics(it.client, [{ name: 'later-1', partitions: 2 }])
  await until(() => consumer.assignment.length === PARTITIONS + 2)
  await createPartitions(it.client, [{ name: 't', total: PARTITIONS + 1 }])
  await it.client.metadata.refresh()
  await until(() => consumer.assignment.length === PARTITIONS + 3)
  await consumer.leave()
  await reading
})

for (const protocol of ['classic', 'consumer'] as const) {
  test(`${protocol}: an admin removes a member and deletes offsets, but not those that a member reads`, {
    timeout: 60_000,
  }, async () => {
    await using it = await world()
    await it.produce(0, 30)
    const seen: string[] = []
    const { consumer, reading } = await member(it.client, { protocol }, seen)
    await until(() => seen.length === 30)
    await consumer.commit()
    const partitions = [{ topic: 't', partition: 0 }]
    const [refused] = await deleteGroupOffsets(it.client, 'g', { partitions })
    assert.equal(refused?.error?.error, 'GROUP_SUBSCRIBED_TO_TOPIC')
    const [altered] = await alterGroupOffsets(it.client, 'g', { offsets: [{ ...partitions[0]!, offset: 1 }] })
    assert.match(altered?.error?.message ?? '', /has members/)
    const [removed] = await removeMembers(it.client, 'g', { members: [{ memberId: consumer.memberId }] })
    assert.equal(removed?.error, null)
    await consumer.leave()
    await reading
    const [deleted] = await deleteGroupOffsets(it.client, 'g', { partitions })
    assert.equal(deleted?.error, null)
    assert.deepEqual(
      (await listGroupOffsets(it.client, 'g')).map(({ partition }) => partition),
      [1, 2],
    )
  })
}

/** Runs a command in this process against the broker; `interrupt` is Ctrl-C. */
function command(bootstrap: string, args: readonly string[], files: Readonly<Record<string, string>> = {}) {
  const out: string[] = []
  const err: string[] = []
  const interrupt = new AbortController()
  const streams: StandardStreams = {
    input: async function* () {},
    file: async function* () {},
    wholeFile: async (path) => Buffer.from(files[path] ?? ''),
    write: (bytes) => {
      out.push(Buffer.from(bytes as string).toString())
      return null
    },
    drained: async () => {},
    writeError: (text) => void err.push(text),
    inputIsTerminal: false,
    outputIsTerminal: false,
    errorIsTerminal: false,
    outputClosed: new AbortController().signal,
  }
  const { signal } = interrupt
  const code = runCommand([...args, '--bootstrap', bootstrap], {
    streams,
    clock: systemClock,
    disk: new MemoryDisk(),
    signal,
    openClient: async (address) => await openClient({ bootstrap: address, clientId: 'ottla-cli' }),
  })
  return {
    code,
    text: () => out.join(''),
    error: () => err.join(''),
    interrupt: () => interrupt.abort(new Error('Interrupted')),
  }
}

async function output(bootstrap: string, args: readonly string[], files: Readonly<Record<string, string>> = {}) {
  const run = command(bootstrap, args, files)
  const code = await run.code
  assert.equal(code, 0, run.error())
  return run.text()
}

test('consume --group commits what it wrote, leaves when interrupted, and goes on there', {
  timeout: 60_000,
}, async () => {
  await using it = await world()
  await it.produce(0, 30)
  for (const [protocol, expected] of [
    ['classic', 30],
    ['consumer', 60],
  ] as const) {
    const run = command(it.bootstrap, ['consume', 't', '--group', 'g', '--protocol', protocol])
    await until(() => run.text().split('\n').length > 30)
    const during = await output(it.bootstrap, ['group', 'describe', 'g'])
    assert.match(during, /ottla-cli/)
    assert.match(during, /members: +1\n/)
    const refused = command(it.bootstrap, ['group', 'reset-offsets', 'g', '--all-topics', '--to', 'earliest'])
    assert.equal(await refused.code, 1)
    assert.match(refused.error(), /has 1 member, which would overwrite the offsets: stop them first/)
    run.interrupt()
    assert.equal(await run.code, 0, run.error())
    assert.equal(run.text().split('\n').length, 31)
    const after = JSON.parse(await output(it.bootstrap, ['group', 'describe', 'g', '--json']))
    assert.equal(after[0].members, 0)
    assert.deepEqual(
      after[0].partitions.map(({ lag }: { lag: number }) => lag),
      [0, 0, 0],
    )
    await it.produce(expected, expected + 30)
  }
})

test('consume --group --count commits exactly what it wrote', { timeout: 60_000 }, async () => {
  await using it = await world()
  await it.produce(0, 30)
  const lines = async (count: number): Promise<string[]> => {
    const text = await output(it.bootstrap, ['consume', 't', '--group', 'g', '--count', String(count)])
    return text.trim().split('\n')
  }
  const first = await lines(17)
  const second = await lines(13)
  assert.equal(new Set([...first, ...second]).size, 30)
})

test('reset-offsets shows its plan, changes nothing without --execute, and sets offsets with it', {
  timeout: 60_000,
}, async () => {
  await using it = await world()
  await it.produce(0, 30)
  await output(it.bootstrap, ['consume', 't', '--group', 'g', '--count', '30'])
  const reset = ['group', 'reset-offsets', 'g']
  const plan = await output(it.bootstrap, [...reset, '--topic', 't:0', '--to', '4'])
  assert.match(plan, /TOPIC {2}PARTITION {2}CURRENT {2}NEW {2}END {2}LAG\nt +0 +10 +4 +10 +6\nNothing was changed/)
  const offsets = async (): Promise<number[]> => (await listGroupOffsets(it.client, 'g')).map(({ offset }) => offset)
  assert.deepEqual(await offsets(), [10, 10, 10])
  const cases: readonly (readonly [string[], number[]])[] = [
    [
      ['--topic', 't:0', '--to', '4'],
      [4, 10, 10],
    ],
    [
      ['--all-topics', '--shift-by', '-3'],
      [1, 7, 7],
    ],
    [
      ['--all-topics', '--shift-by=100'],
      [10, 10, 10],
    ],
    [
      ['--topic', 't:1-2', '--to=-2'],
      [10, 8, 8],
    ],
    [
      ['--topic', 't', '--to', 'earliest'],
      [0, 0, 0],
    ],
    [
      ['--all-topics', '--to', 'latest'],
      [10, 10, 10],
    ],
    [
      ['--all-topics', '--by-duration', 'P1D'],
      [0, 0, 0],
    ],
    [
      ['--all-topics', '--to', '2100-01-01'],
      [10, 10, 10],
    ],
    [
      ['--from-file', 'plan.csv'],
      [3, 10, 5],
    ],
  ]
  for (const [args, expected] of cases) {
    const text = await output(it.bootstrap, [...reset, ...args, '--execute'], { 'plan.csv': 't,0,3\nt,2,5\n' })
    assert.match(text, /The offsets are set/)
    assert.deepEqual(await offsets(), expected, args.join(' '))
  }
  const again = await output(it.bootstrap, ['consume', 't', '--group', 'g', '--count', '12'])
  assert.equal(again.trim().split('\n').length, 12)
})

test('groups are listed, and deleted with their offsets; one that is not there is exit code 4', {
  timeout: 60_000,
}, async () => {
  await using it = await world()
  await it.produce(0, 3)
  await output(it.bootstrap, ['consume', 't', '--group', 'g', '--count', '3', '--protocol', 'classic'])
  assert.match(
    await output(it.bootstrap, ['group', 'list']),
    /^GROUP +STATE +TYPE +PROTOCOL\ng +Empty +classic +consumer\n$/,
  )
  assert.match(await output(it.bootstrap, ['group', 'members', 'g']), /^MEMBER/)
  assert.equal(await output(it.bootstrap, ['group', 'delete', 'g']), 'Deleted group g\n')
  for (const args of [
    ['describe', 'g'],
    ['members', 'g'],
    ['delete', 'g'],
  ])
    assert.equal(await command(it.bootstrap, ['group', ...args]).code, 4, args.join(' '))
  assert.equal(JSON.parse(await output(it.bootstrap, ['group', 'list', '--json'])).length, 0)
})
