/** Of the list of what is served (served.ts) the APIs of groups and their offsets, with their replies to a failure. */
import { OffsetCommit } from '@ottla/protocol/apis/08-offset-commit.ts'
import { OffsetFetch } from '@ottla/protocol/apis/09-offset-fetch.ts'
import { FindCoordinator } from '@ottla/protocol/apis/10-find-coordinator.ts'
import { JoinGroup } from '@ottla/protocol/apis/11-join-group.ts'
import { Heartbeat } from '@ottla/protocol/apis/12-heartbeat.ts'
import { LeaveGroup } from '@ottla/protocol/apis/13-leave-group.ts'
import { SyncGroup } from '@ottla/protocol/apis/14-sync-group.ts'
import { DescribeGroups } from '@ottla/protocol/apis/15-describe-groups.ts'
import { ListGroups } from '@ottla/protocol/apis/16-list-groups.ts'
import { DeleteGroups } from '@ottla/protocol/apis/42-delete-groups.ts'
import { OffsetDelete } from '@ottla/protocol/apis/47-offset-delete.ts'
import { ConsumerGroupHeartbeat } from '@ottla/protocol/apis/68-consumer-group-heartbeat.ts'
import { ConsumerGroupDescribe } from '@ottla/protocol/apis/69-consumer-group-describe.ts'
import { errorName } from '@ottla/protocol/errors.ts'
import { joinRefusal, syncRefusal } from '../coordinator/group/classic/replies.ts'
import { offsetCommit } from './08-offset-commit.ts'
import { failedOffsetFetch, offsetFetch } from './09-offset-fetch.ts'
import { findCoordinator } from './10-find-coordinator.ts'
import { joinGroup } from './11-join-group.ts'
import { heartbeat } from './12-heartbeat.ts'
import { leaveGroup } from './13-leave-group.ts'
import { syncGroup } from './14-sync-group.ts'
import { describeGroups, undescribed } from './15-describe-groups.ts'
import { listGroups } from './16-list-groups.ts'
import { deleteGroups } from './42-delete-groups.ts'
import { offsetDelete } from './47-offset-delete.ts'
import { consumerGroupHeartbeat } from './68-consumer-group-heartbeat.ts'
import { consumerGroupDescribe, undescribedConsumers } from './69-consumer-group-describe.ts'
import type { BrokerParts } from './parts.ts'
import { isOrdinary, type ServedApi, serve } from './served-api.ts'

export function groupApis(parts: BrokerParts): ServedApi[] {
  return [...offsetApis(parts), ...memberApis(parts), ...adminApis(parts)]
}

function offsetApis(parts: BrokerParts): ServedApi[] {
  return [
    serve(
      OffsetCommit,
      offsetCommit(parts),
      ({ topics }, { code }) => ({
        topics: topics.map(({ name, topicId, partitions }) => ({
          ...{ name, topicId },
          partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode: code })),
        })),
      }),
      isOrdinary,
    ),
    serve(OffsetFetch, offsetFetch(parts), failedOffsetFetch, isOrdinary),
    serve(OffsetDelete, offsetDelete(parts), (_, { code }) => ({ errorCode: code, topics: [] })),
  ]
}

/** What members do; to be refused is how they learn of what happens in their group. */
function memberApis(parts: BrokerParts): ServedApi[] {
  return [
    serve(
      FindCoordinator,
      findCoordinator(parts),
      ({ coordinatorKeys }, { code, message, version }) => {
        const nowhere = { nodeId: -1, host: '', port: -1, errorCode: code, errorMessage: message }
        return version >= 4 ? { coordinators: coordinatorKeys.map((key) => ({ key, ...nowhere })) } : nowhere
      },
      isOrdinary,
    ),
    serve(
      JoinGroup,
      joinGroup(parts),
      ({ memberId }, { code, version }) => joinRefusal(version, errorName(code), memberId),
      isOrdinary,
    ),
    serve(SyncGroup, syncGroup(parts), (_, { code }) => syncRefusal(errorName(code)), isOrdinary),
    serve(Heartbeat, heartbeat(parts), (_, { code }) => ({ errorCode: code }), isOrdinary),
    serve(LeaveGroup, leaveGroup(parts), (_, { code }) => ({ errorCode: code }), isOrdinary),
    serve(
      ConsumerGroupHeartbeat,
      consumerGroupHeartbeat(parts),
      (_, { code, message }) => ({ errorCode: code, errorMessage: message, memberEpoch: 0, heartbeatIntervalMs: 0 }),
      isOrdinary,
    ),
  ]
}

function adminApis(parts: BrokerParts): ServedApi[] {
  return [
    serve(DescribeGroups, describeGroups(parts), ({ groups }, { code, message, version }) => ({
      groups: groups.map((groupId) => undescribed(groupId, { code, message }, version)),
    })),
    serve(ListGroups, listGroups(parts), (_, { code }) => ({ errorCode: code, groups: [] })),
    serve(DeleteGroups, deleteGroups(parts), ({ groupsNames }, { code }) => ({
      results: [...new Set(groupsNames)].map((groupId) => ({ groupId, errorCode: code })),
    })),
    serve(ConsumerGroupDescribe, consumerGroupDescribe(parts), ({ groupIds }, failure) => ({
      groups: groupIds.map((groupId) => undescribedConsumers(groupId, failure)),
    })),
  ]
}
