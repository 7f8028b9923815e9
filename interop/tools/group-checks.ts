/** kafka-consumer-groups and kafka-groups: groups with members and without are listed, described, moved and removed. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { batchOf, connect, createTopic, produce } from '../cluster.ts'
import { committedOffsets } from '../groups/group-view.ts'
import { waitUntil } from '../groups/wait-until.ts'
import { GROUP_PROTOCOLS, type GroupProtocol, joining, SILENCE_MS_MAX } from './group-words.ts'
import type { ToolCheck } from './tool-check.ts'
import { linesOf, type Row, rowsIn } from './tool-output.ts'
import type { ToolSession } from './tool-session.ts'

const TOOL = 'kafka-consumer-groups'
const PARTITIONS = 2
const VALUES = ['a', 'b', 'c', 'd', 'e']
const COMMIT_MS = 100
/** The tool tells of an error and ends as if there was none. */
const TOLD = 0

export const GROUP_CHECKS: readonly ToolCheck[] = [
  ...GROUP_PROTOCOLS.map((protocol) => ({
    name: `${TOOL}: a group with a member (${protocol})`,
    run: async (session: ToolSession) => await withMember(session, protocol),
  })),
  { name: `${TOOL}: reset-offsets`, run: resetOffsets },
  { name: `${TOOL}: reset-offsets from a file`, run: resetFromFile },
  { name: `${TOOL}: delete-offsets, delete`, run: deletion },
  { name: `${TOOL}: refusals`, run: refusals },
  { name: 'kafka-groups', run: kinds },
]

/** While a member reads, the group is shown with it, and nobody may move or remove what it has. */
async function withMember(session: ToolSession, protocol: GroupProtocol): Promise<void> {
  const group = `groups-tool-${protocol}`
  await filled(session, group)
  const member = startMember(session, { group, protocol })
  // It is awaited below; until then a failure of its own is no reason to end the run.
  member.catch(() => {})
  try {
    await untilCommitted(session, group, VALUES.length)
    await shownWithMember(session, { group, protocol })
    await refusedWithMember(session, group)
  } finally {
    await add(session, group)
    await member
  }
  const [row] = rowsIn(await describe(session, group))
  assert.equal(row!['CONSUMER-ID'], '-', 'Nobody has the partition any more')
  assert.equal(ofGroup(await groups(session, ['--list', '--state', 'empty']), group)['STATE'], 'Empty')
}

async function shownWithMember(session: ToolSession, { group, protocol }: { group: string; protocol: GroupProtocol }) {
  const type = protocol === 'classic' ? 'Classic' : 'Consumer'
  const assignor = protocol === 'classic' ? 'range' : 'uniform'
  assert(linesOf(await groups(session, ['--list'])).includes(group))
  assert.equal(ofGroup(await groups(session, ['--list', '--state']), group)['STATE'], 'Stable')
  assert.equal(ofGroup(await groups(session, ['--list', '--type']), group)['TYPE'], type)
  const listed = ofGroup(await session.succeed('kafka-groups', ['--list', '--group-type', protocol]), group)
  assert.deepEqual(listed, { GROUP: group, TYPE: type, PROTOCOL: 'consumer' })
  const offsets = rowsIn(await describe(session, group))
  assert.deepEqual(offsets.map(offsetColumns), [
    [group, '0', '5', '5', '0', 'console-consumer'],
    [group, '1', '5', '5', '0', 'console-consumer'],
  ])
  const [member] = rowsIn(await describe(session, group, ['--members', '--verbose']))
  assert.equal(member!['#PARTITIONS'], String(PARTITIONS))
  assert.match(member!['HOST']!, /^\/127\.0\.0\.1$/)
  assert.equal(member!['CURRENT-ASSIGNMENT'], `${group}:0,1`)
  const [state] = rowsIn(await describe(session, group, ['--state']))
  const { host, port } = session.address
  assert.equal(state!['COORDINATOR'], `${host}:${port}`)
  assert.equal(state!['(ID)'], '(1)')
  assert.equal(state!['ASSIGNMENT-STRATEGY'], assignor)
  assert.equal(state!['STATE'], 'Stable')
  assert.equal(state!['#MEMBERS'], '1')
}

async function refusedWithMember(session: ToolSession, group: string): Promise<void> {
  const reset = ['--reset-offsets', '--group', group, '--topic', group, '--to-earliest', '--execute']
  assert.match(await session.refused(TOOL, reset, TOLD), /can only be reset if the group .* is inactive, .*Stable/)
  assert.match(await session.refused(TOOL, ['--delete', '--group', group], TOLD), /GroupNotEmptyException/)
  const offsets = ['--delete-offsets', '--group', group, '--topic', group]
  assert.match(await session.refused(TOOL, offsets, TOLD), /GroupSubscribedToTopicException/)
}

/** What each form of reset-offsets makes of a group where both partitions hold five records. */
async function resetOffsets(session: ToolSession): Promise<void> {
  const group = 'groups-reset'
  await filled(session, group)
  const forms: readonly (readonly [form: readonly string[], ...offsets: number[]])[] = [
    [['--to-latest'], 5, 5],
    [['--shift-by', '-2'], 3, 3],
    [['--to-offset', '1'], 1, 1],
    [['--shift-by', '-9'], 0, 0],
    [['--to-offset', '99'], 5, 5],
    [['--to-earliest'], 0, 0],
    [['--to-datetime', '2001-01-01T00:00:00.000'], 0, 0],
    [['--by-duration', 'PT0S'], 5, 5],
    [['--to-current'], 5, 5],
  ]
  for (const [form, ...offsets] of forms) {
    const args = ['--reset-offsets', '--group', group, '--topic', group, ...form, '--execute']
    const said = rowsIn(await groups(session, args))
    assert.deepEqual(said.map(newOffset), offsets, `reset-offsets ${form.join(' ')}`)
    assert.deepEqual(await committed(session, group), offsets, `reset-offsets ${form.join(' ')} is kept`)
  }
  const one = ['--reset-offsets', '--group', group, '--topic', `${group}:1`, '--to-offset', '2']
  assert.deepEqual(rowsIn(await groups(session, [...one, '--dry-run'])).map(newOffset), [2])
  assert.deepEqual(await committed(session, group), [5, 5], 'A dry run changes nothing')
  await groups(session, [...one, '--execute'])
  assert.deepEqual(await committed(session, group), [5, 2])
  const every = ['--reset-offsets', '--group', group, '--all-topics', '--to-earliest', '--execute']
  assert.deepEqual(rowsIn(await groups(session, every)).map(newOffset), [0, 0])
  const [first] = rowsIn(await describe(session, group))
  assert.deepEqual(offsetColumns(first!), [group, '0', '0', '5', '5', '-'])
}

async function resetFromFile(session: ToolSession): Promise<void> {
  const group = 'groups-from-file'
  await filled(session, group)
  const path = session.directory.of('offsets.csv')
  writeFileSync(path, `${group},0,4\n${group},1,1\n`)
  const args = ['--reset-offsets', '--group', group, '--from-file', path, '--execute']
  assert.deepEqual(rowsIn(await groups(session, args)).map(newOffset), [4, 1])
  const current = ['--reset-offsets', '--group', group, '--all-topics', '--to-current', '--dry-run', '--export']
  const exported = linesOf(await groups(session, current))
  assert.deepEqual(exported.toSorted(), [`${group},0,4`, `${group},1,1`])
}

async function deletion(session: ToolSession): Promise<void> {
  const group = 'groups-deleted'
  await filled(session, group)
  await groups(session, ['--reset-offsets', '--group', group, '--topic', group, '--to-latest', '--execute'])
  const removed = await groups(session, ['--delete-offsets', '--group', group, '--topic', `${group}:0`])
  assert.match(removed, /Request succeeded for deleting offsets from group groups-deleted\./)
  assert.deepEqual(await committed(session, group), [5])
  assert.match(
    await groups(session, ['--delete', '--group', group]),
    /Deletion of requested consumer groups .* was successful/,
  )
  assert(!linesOf(await groups(session, ['--list'])).includes(group))
}

async function refusals(session: ToolSession): Promise<void> {
  const absent = ['--group', 'groups-not-there']
  assert.match(await session.refused(TOOL, ['--describe', ...absent], TOLD), /groups-not-there/)
  assert.match(await session.refused(TOOL, ['--delete', ...absent], TOLD), /GroupIdNotFoundException/)
  const offsets = ['--delete-offsets', ...absent, '--topic', 'nothing']
  assert.match(await session.refused(TOOL, offsets, TOLD), /The group id does not exist\./)
}

/** A group that has offsets and never had a member is a classic one, and a consumer's as far as anyone can tell. */
async function kinds(session: ToolSession): Promise<void> {
  const group = 'groups-listed'
  await filled(session, group)
  await groups(session, ['--reset-offsets', '--group', group, '--topic', group, '--to-latest', '--execute'])
  const list = async (...filter: string[]) => await session.succeed('kafka-groups', ['--list', ...filter])
  const shown = { GROUP: group, TYPE: 'Classic', PROTOCOL: '' }
  assert.deepEqual(ofGroup(await list(), group), shown)
  assert.deepEqual(ofGroup(await list('--consumer'), group), shown)
  assert.deepEqual(ofGroup(await list('--group-type', 'classic'), group), shown)
  assert.doesNotMatch(await list('--group-type', 'consumer'), new RegExp(group))
  assert.doesNotMatch(await list('--share'), new RegExp(group))
}

/** A consumer that reads what there is, and ends after one record more, for which `add` is there. */
async function startMember(session: ToolSession, member: { group: string; protocol: GroupProtocol }): Promise<void> {
  const { group } = member
  const count = String(VALUES.length * PARTITIONS + 1)
  const bounds = ['--max-messages', count, '--timeout-ms', String(SILENCE_MS_MAX * PARTITIONS)]
  const commits = ['--command-property', `auto.commit.interval.ms=${COMMIT_MS}`]
  const args = ['--topic', group, '--from-beginning', ...joining(member), ...commits, ...bounds]
  await session.succeed('kafka-console-consumer', args)
}

async function filled(session: ToolSession, topic: string): Promise<void> {
  await using connection = await connect(session.address)
  await createTopic(connection, { name: topic, partitions: PARTITIONS })
  for (let partition = 0; partition < PARTITIONS; partition++) {
    const { error } = await produce(connection, { topic, partition }, batchOf(VALUES))
    assert.equal(error, 'NONE')
  }
}

async function add(session: ToolSession, topic: string): Promise<void> {
  await using connection = await connect(session.address)
  await produce(connection, { topic }, batchOf(['the last']))
}

async function untilCommitted(session: ToolSession, group: string, offset: number): Promise<void> {
  await using connection = await connect(session.address)
  await waitUntil(`group ${group} commit`, async () => {
    const offsets = [...(await committedOffsets(connection, group)).values()]
    const isThere = offsets.length === PARTITIONS && offsets.every((found) => found === offset)
    return isThere ? { found: offset } : { missing: `it has committed ${offsets.join()}` }
  })
}

/** Of the group's partitions in their order. */
async function committed(session: ToolSession, group: string): Promise<number[]> {
  await using connection = await connect(session.address)
  const offsets = await committedOffsets(connection, group)
  return [...offsets].toSorted(([a], [b]) => a.localeCompare(b)).map(([, offset]) => offset)
}

async function groups(session: ToolSession, args: readonly string[]): Promise<string> {
  return await session.succeed(TOOL, args)
}

async function describe(session: ToolSession, group: string, more: readonly string[] = []): Promise<string> {
  return await groups(session, ['--describe', '--group', group, ...more])
}

function ofGroup(output: string, group: string): Row {
  const row = rowsIn(output).find((found) => found['GROUP'] === group)
  assert(row !== undefined, `Group ${group} is shown in:\n${output}`)
  return row
}

function newOffset(row: Row): number {
  return Number(row['NEW-OFFSET'])
}

function offsetColumns(row: Row): (string | undefined)[] {
  return ['TOPIC', 'PARTITION', 'CURRENT-OFFSET', 'LOG-END-OFFSET', 'LAG', 'CLIENT-ID'].map((name) => row[name])
}
