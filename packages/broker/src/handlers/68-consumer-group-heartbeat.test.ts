import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ApiVersions } from '@ottla/protocol/apis/18-api-versions.ts'
import { ConsumerGroupHeartbeat } from '@ottla/protocol/apis/68-consumer-group-heartbeat.ts'
import { ConsumerGroupDescribe } from '@ottla/protocol/apis/69-consumer-group-describe.ts'
import { errorName } from '@ottla/protocol/errors.ts'
import { GroupBroker } from '../testing/group-broker.ts'
import { consumerGroupHeartbeat } from './68-consumer-group-heartbeat.ts'
import { consumerGroupDescribe } from './69-consumer-group-describe.ts'
import { call, type Denied } from './admin-harness.ts'

const JOIN = { groupId: 'g', memberId: 'm', memberEpoch: 0, rebalanceTimeoutMs: 30_000, topicPartitions: [] }
const TOPICS = { subscribedTopicNames: ['t'] }

test('a member joins, is assigned, described, commits and leaves, in both versions', async () => {
  await using harness = await GroupBroker.open()
  for (const version of [0, 1]) {
    const groupId = `g${version}`
    const request = { ...JOIN, ...TOPICS, groupId }
    const joined = await harness.client.ask(ConsumerGroupHeartbeat, version, request)
    const assigned = [{ topicId: harness.topicId, partitions: [0, 1, 2, 3] }]
    assert.deepEqual([joined.errorCode, joined.memberId, joined.heartbeatIntervalMs], [0, 'm', 5000])
    assert.deepEqual(joined.assignment, { topicPartitions: assigned })
    const member = { group: groupId, memberId: 'm', generationId: joined.memberEpoch }
    assert.deepEqual(await harness.commit(9, { 0: 3 }, member), ['0: NONE'])
    assert.deepEqual(await harness.commit(9, { 0: 3 }, { ...member, generationId: 99 }), ['0: STALE_MEMBER_EPOCH'])
    const { groups } = await harness.client.ask(ConsumerGroupDescribe, version, {
      ...{ groupIds: [groupId, 'none', ''], includeAuthorizedOperations: false },
    })
    const [group, none, empty] = groups
    assert.deepEqual([group!.groupState, group!.assignorName, group!.members.length], ['Stable', 'uniform', 1])
    assert.equal(group!.members[0]!.clientHost, '/127.0.0.1')
    assert.deepEqual(errorName(none!.errorCode), 'GROUP_ID_NOT_FOUND')
    assert.deepEqual(errorName(empty!.errorCode), 'INVALID_GROUP_ID')
    const left = await harness.client.ask(ConsumerGroupHeartbeat, version, { groupId, memberId: 'm', memberEpoch: -1 })
    assert.deepEqual([left.errorCode, left.memberEpoch], [0, -1])
  }
})

test('what is refused has its error and a message', async () => {
  await using harness = await GroupBroker.open()
  const ask = async (parts: object) => {
    const request = { ...JOIN, ...TOPICS, ...parts }
    const { errorCode, errorMessage } = await harness.client.ask(ConsumerGroupHeartbeat, 1, request)
    return [errorName(errorCode), errorMessage]
  }
  assert.deepEqual(await ask({ memberEpoch: 4 }), ['GROUP_ID_NOT_FOUND', 'Consumer group g not found.'])
  assert.deepEqual(await ask({ groupId: '' }), ['INVALID_REQUEST', "GroupId can't be empty."])
  assert.equal((await ask({ serverAssignor: 'magic' }))[0], 'UNSUPPORTED_ASSIGNOR')
})

test('a broker that was told not to speak the protocol says so', async () => {
  await using harness = await GroupBroker.open({ 'group.coordinator.rebalance.protocols': 'classic' })
  const joined = await harness.client.ask(ConsumerGroupHeartbeat, 1, { ...JOIN, ...TOPICS })
  assert.equal(errorName(joined.errorCode), 'UNSUPPORTED_VERSION')
  const request = { groupIds: ['g'], includeAuthorizedOperations: false }
  const { groups } = await harness.client.ask(ConsumerGroupDescribe, 1, request)
  assert.equal(errorName(groups[0]!.errorCode), 'UNSUPPORTED_VERSION')
})

test('clients learn from the features that groups of the protocol are there', async () => {
  await using harness = await GroupBroker.open()
  const request = { clientSoftwareName: 'test', clientSoftwareVersion: '1' }
  const { finalizedFeatures, supportedFeatures } = await harness.client.ask(ApiVersions, 4, request)
  const isIt = ({ name }: { name: string }) => name === 'group.version'
  assert.equal(finalizedFeatures.find(isIt)?.maxVersionLevel, 1)
  const { minVersion, maxVersion } = supportedFeatures.find(isIt)!
  assert.deepEqual([minVersion, maxVersion], [0, 1])
})

test('a group, or a topic by name, that the client may not use is not asked about', async () => {
  const parts = { groups: { speaksConsumerProtocol: true } } as never
  const ask = (denied: Denied) =>
    call(ConsumerGroupHeartbeat, consumerGroupHeartbeat(parts), { version: 1, request: { ...JOIN, ...TOPICS }, denied })
  await assert.rejects(ask([['read', 'group', 'g']]), { error: 'GROUP_AUTHORIZATION_FAILED' })
  await assert.rejects(ask([['describe', 'topic', 't']]), { error: 'TOPIC_AUTHORIZATION_FAILED' })
})

test('a group with a topic that the client may not see is shown without its members', async () => {
  const assignment = { topicPartitions: [{ topicId: 'AAAAAAAAAAAAAAAAAAAABQ', topicName: 't', partitions: [0] }] }
  const member = {
    ...{ memberId: 'm', memberEpoch: 1, clientId: 'c', clientHost: '/h', subscribedTopicNames: ['t'] },
    ...{ assignment: { topicPartitions: [] }, targetAssignment: assignment },
  }
  const group = {
    ...{ errorCode: 0, groupId: 'g', groupState: 'Stable', groupEpoch: 1, assignmentEpoch: 1 },
    ...{ assignorName: 'uniform', members: [member] },
  }
  const describeConsumers = async () => [{ groupId: 'g', outcome: group }]
  const parts = { groups: { speaksConsumerProtocol: true, describeConsumers } } as never
  const ask = async (denied: Denied) => {
    const request = { groupIds: ['g'], includeAuthorizedOperations: true }
    const { groups } = await call(ConsumerGroupDescribe, consumerGroupDescribe(parts), { version: 1, request, denied })
    return [errorName(groups[0]!.errorCode), groups[0]!.members.length]
  }
  assert.deepEqual(await ask([]), ['NONE', 1])
  assert.deepEqual(await ask([['describe', 'topic', 't']]), ['TOPIC_AUTHORIZATION_FAILED', 0])
  assert.deepEqual(await ask([['describe', 'group', 'g']]), ['GROUP_AUTHORIZATION_FAILED', 0])
})
