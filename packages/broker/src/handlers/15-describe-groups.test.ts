import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DescribeGroups } from '@ottla/protocol/apis/15-describe-groups.ts'
import { ListGroups } from '@ottla/protocol/apis/16-list-groups.ts'
import { DeleteGroups } from '@ottla/protocol/apis/42-delete-groups.ts'
import { errorName, ProtocolError } from '@ottla/protocol/errors.ts'
import { GroupBroker, NOBODY, SUBSCRIPTION } from '../testing/group-broker.ts'
import { describeGroups } from './15-describe-groups.ts'
import { listGroups } from './16-list-groups.ts'
import { deleteGroups } from './42-delete-groups.ts'
import { call } from './admin-harness.ts'

const OPERATIONS_OF_A_GROUP = (1 << 3) | (1 << 6) | (1 << 8) | (1 << 10) | (1 << 11)

test('a group is described with its members in every version, and one that is not there as dead', async () => {
  await using harness = await GroupBroker.open()
  const { memberId } = await harness.member()
  for (let version = 0; version <= 6; version++) {
    const asked = version >= 3 ? { includeAuthorizedOperations: true } : {}
    const { groups } = await harness.client.ask(DescribeGroups, version, { groups: ['g', 'none'], ...asked })
    const [group, none] = groups
    assert.deepEqual(
      [group!.errorCode, group!.groupState, group!.protocolType, group!.protocolData],
      [0, 'Stable', 'consumer', 'range'],
    )
    const { clientHost, memberMetadata, memberAssignment, ...member } = group!.members[0]!
    assert.deepEqual([member.memberId, clientHost], [memberId, '/127.0.0.1'])
    assert.deepEqual([memberMetadata, String(memberAssignment)], [SUBSCRIPTION, 'assigned'])
    if (version >= 3) assert.equal(group!.authorizedOperations, OPERATIONS_OF_A_GROUP)
    const error = version >= 6 ? 'GROUP_ID_NOT_FOUND' : 'NONE'
    assert.deepEqual([none!.groupState, errorName(none!.errorCode)], ['Dead', error])
    assert.equal(none!.errorMessage, version >= 6 ? 'Group none not found.' : null)
  }
})

test('groups are listed in every version, by state from 4 and by type from 5 on', async () => {
  await using harness = await GroupBroker.open()
  await harness.member()
  await harness.commit(8, { 0: 1 }, { group: 'simple' })
  const list = async (version: number, filters: object = {}) => {
    const { groups } = await harness.client.ask(ListGroups, version, filters)
    return groups.map(({ groupId }) => groupId).sort()
  }
  for (let version = 0; version <= 5; version++) assert.deepEqual(await list(version), ['g', 'simple'])
  assert.deepEqual(await list(4, { statesFilter: ['stable'] }), ['g'])
  assert.deepEqual(await list(5, { statesFilter: [], typesFilter: ['consumer'] }), [])
})

test('empty groups are deleted in every version, with their offsets; others are not', async () => {
  await using harness = await GroupBroker.open()
  await harness.member('busy')
  for (let version = 0; version <= 2; version++) {
    await harness.commit(8, { 0: 1 })
    const groupsNames = ['g', 'busy', 'none', '', 'g']
    const { results } = await harness.client.ask(DeleteGroups, version, { groupsNames })
    assert.deepEqual(
      results.map(({ groupId, errorCode }) => `${groupId} ${errorName(errorCode)}`),
      ['g NONE', 'busy NON_EMPTY_GROUP', 'none GROUP_ID_NOT_FOUND', ' GROUP_ID_NOT_FOUND'],
    )
    assert.equal(await harness.fetched(0), -1)
  }
})

const named = (groupId: string) => ({ groupId, protocolType: '', groupState: 'Empty', groupType: 'classic' })

test('who may not see the cluster sees the groups that it may describe', async () => {
  const parts = { groups: { list: async () => [named('a'), named('b')] } } as never
  const ask = async (denied: Parameters<typeof call>[2]['denied'] & object) => {
    const { groups } = await call(ListGroups, listGroups(parts), { version: 5, request: {}, denied })
    return groups.map(({ groupId }) => groupId)
  }
  assert.deepEqual(await ask([['describe', 'group', 'b']]), ['a', 'b'])
  assert.deepEqual(
    await ask([
      ['describe', 'cluster', 'kafka-cluster'],
      ['describe', 'group', 'b'],
    ]),
    ['a'],
  )
})

test('groups of which the client may not know are not asked about', async () => {
  const described = await call(DescribeGroups, describeGroups(NOBODY), {
    ...{ version: 6, request: { groups: ['a'], includeAuthorizedOperations: true } },
    denied: [['describe', 'group', 'a']],
  })
  assert.deepEqual(
    described.groups.map(({ groupId, errorCode }) => [groupId, errorName(errorCode)]),
    [['a', 'GROUP_AUTHORIZATION_FAILED']],
  )
  const deleted = await call(DeleteGroups, deleteGroups(NOBODY), {
    ...{ version: 2, request: { groupsNames: ['a'] } },
    denied: [['delete', 'group', 'a']],
  })
  assert.deepEqual(deleted.results, [{ groupId: 'a', errorCode: 30 }])
})

test('one group that cannot be reached does not hold up the others', async () => {
  const none = new ProtocolError('NOT_COORDINATOR')
  const outcomes = [
    { groupId: 'b', outcome: none },
    { groupId: 'a', outcome: { groupId: 'a', errorCode: 0 } },
  ]
  const parts = { groups: { delete: async () => outcomes } } as never
  const { results } = await call(DeleteGroups, deleteGroups(parts), {
    version: 2,
    request: { groupsNames: ['a', 'b'] },
  })
  assert.deepEqual(
    results.map(({ groupId, errorCode }) => [groupId, errorName(errorCode)]),
    [
      ['a', 'NONE'],
      ['b', 'NOT_COORDINATOR'],
    ],
  )
})
