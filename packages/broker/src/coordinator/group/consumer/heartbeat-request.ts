/** What can be said against a ConsumerGroupHeartbeat before the group is looked at, in Kafka's order. */
import type { ConsumerGroupHeartbeat } from '@ottla/protocol/apis/68-consumer-group-heartbeat.ts'
import type { RequestOf } from '@ottla/protocol/codec.ts'
import { ProtocolError } from '@ottla/protocol/errors.ts'
import { LEAVE_EPOCH, STATIC_LEAVE_EPOCH } from './member.ts'

export type HeartbeatRequest = RequestOf<typeof ConsumerGroupHeartbeat>

/** From this version on members make their ids themselves (KIP-1082). */
const OWN_MEMBER_ID_VERSION = 1

export function heartbeatProblem(
  request: HeartbeatRequest,
  { apiVersion, assignors }: { readonly apiVersion: number; readonly assignors: readonly string[] },
): ProtocolError | null {
  const message = blankField(request, apiVersion) ?? contradiction(request)
  if (message !== null) return new ProtocolError('INVALID_REQUEST', message)
  const { serverAssignor } = request
  if (serverAssignor === null || assignors.includes(serverAssignor)) return null
  const supported = `Supported assignors: ${assignors.join(', ')}.`
  return new ProtocolError('UNSUPPORTED_ASSIGNOR', `ServerAssignor ${serverAssignor} is not supported. ${supported}`)
}

function blankField(request: HeartbeatRequest, apiVersion: number): string | null {
  const { memberId, memberEpoch, groupId, instanceId, rackId } = request
  const mayLackId = apiVersion < OWN_MEMBER_ID_VERSION && memberEpoch !== LEAVE_EPOCH && memberEpoch <= 0
  if (!mayLackId && isBlank(memberId)) return "MemberId can't be empty."
  if (isBlank(groupId)) return "GroupId can't be empty."
  if (isBlank(instanceId)) return "InstanceId can't be empty."
  return isBlank(rackId) ? "RackId can't be empty." : null
}

function isBlank(text: string | null): boolean {
  return text !== null && text.trim() === ''
}

function contradiction(request: HeartbeatRequest): string | null {
  if (request.memberEpoch === 0) return incompleteJoin(request)
  if (request.memberEpoch === STATIC_LEAVE_EPOCH && request.instanceId === null) return "InstanceId can't be null."
  return request.memberEpoch < STATIC_LEAVE_EPOCH ? 'MemberEpoch is invalid.' : null
}

function incompleteJoin(request: HeartbeatRequest): string | null {
  const { rebalanceTimeoutMs, topicPartitions, subscribedTopicNames, subscribedTopicRegex } = request
  if (rebalanceTimeoutMs === -1) return 'RebalanceTimeoutMs must be provided in first request.'
  if (topicPartitions === null || topicPartitions.length > 0) return 'TopicPartitions must be empty when (re-)joining.'
  // Nothing to read is allowed, as an empty list; not to say it is not.
  const isSilent = subscribedTopicNames === null && subscribedTopicRegex === null
  return isSilent ? 'Either SubscribedTopicNames or SubscribedTopicRegex must be non-null when (re-)joining.' : null
}

/** What a consumer sends first, and again whenever it cannot know what the coordinator has heard. */
export function isFullRequest(request: HeartbeatRequest): boolean {
  const { rebalanceTimeoutMs, topicPartitions, subscribedTopicNames, subscribedTopicRegex } = request
  const namesTopics = subscribedTopicNames !== null || subscribedTopicRegex !== null
  return request.memberEpoch === 0 || (rebalanceTimeoutMs !== -1 && namesTopics && topicPartitions !== null)
}
