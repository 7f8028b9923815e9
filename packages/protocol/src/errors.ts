/**
 * Every error of Kafka's protocol, one row each: code on the wire, whether the same request may succeed later, and the
 * message that goes out where nobody gave a better one. Errors are thrown and passed by name; codes exist on the wire
 * alone.
 */

type Row = { readonly code: number; readonly retriable: boolean; readonly message: string }

const row = (code: number, retriable: boolean, message: string): Row => ({ code, retriable, message })

const rows = {
  UNKNOWN_SERVER_ERROR: row(-1, false, 'The server met an unexpected error.'),
  NONE: row(0, false, 'No error.'),
  OFFSET_OUT_OF_RANGE: row(1, false, 'The offset lies outside the range of the partition.'),
  CORRUPT_MESSAGE: row(
    2,
    true,
    'The records fail their checksum, are malformed, too large, or lack a key where the topic is compacted.',
  ),
  UNKNOWN_TOPIC_OR_PARTITION: row(3, true, 'This broker has no such topic or partition.'),
  INVALID_FETCH_SIZE: row(4, false, 'The fetch size is invalid.'),
  LEADER_NOT_AVAILABLE: row(5, true, 'The partition has no leader at the moment.'),
  NOT_LEADER_OR_FOLLOWER: row(6, true, 'This broker is not the leader, or not a replica, of the partition.'),
  REQUEST_TIMED_OUT: row(7, true, 'The request timed out.'),
  BROKER_NOT_AVAILABLE: row(8, false, 'The broker is not available.'),
  REPLICA_NOT_AVAILABLE: row(9, true, 'The replica is not available on this broker.'),
  MESSAGE_TOO_LARGE: row(10, false, 'The record batch is larger than the topic allows.'),
  STALE_CONTROLLER_EPOCH: row(11, false, 'A newer controller has been elected.'),
  OFFSET_METADATA_TOO_LARGE: row(12, false, 'The metadata of the committed offset is too large.'),
  NETWORK_EXCEPTION: row(13, true, 'The connection ended before a response came.'),
  COORDINATOR_LOAD_IN_PROGRESS: row(14, true, 'The coordinator is still loading its state.'),
  COORDINATOR_NOT_AVAILABLE: row(15, true, 'The coordinator is not available.'),
  NOT_COORDINATOR: row(16, true, 'This broker is not the coordinator.'),
  INVALID_TOPIC_EXCEPTION: row(17, false, 'The topic is not valid for this operation.'),
  RECORD_LIST_TOO_LARGE: row(18, false, 'The batch is larger than a segment may be.'),
  NOT_ENOUGH_REPLICAS: row(19, true, 'Too few replicas are in sync to take the records.'),
  NOT_ENOUGH_REPLICAS_AFTER_APPEND: row(
    20,
    true,
    'The records were written, but to fewer in-sync replicas than required.',
  ),
  INVALID_REQUIRED_ACKS: row(21, false, 'The required acks must be -1, 0 or 1.'),
  ILLEGAL_GENERATION: row(22, false, 'The generation of the group is another one.'),
  INCONSISTENT_GROUP_PROTOCOL: row(23, false, "The member's protocol type or protocols do not fit the group."),
  INVALID_GROUP_ID: row(24, false, 'The group id is invalid.'),
  UNKNOWN_MEMBER_ID: row(25, false, 'The group has no such member.'),
  INVALID_SESSION_TIMEOUT: row(26, false, "The session timeout lies outside the broker's limits."),
  REBALANCE_IN_PROGRESS: row(27, false, 'The group is rebalancing: join again.'),
  INVALID_COMMIT_OFFSET_SIZE: row(28, false, 'The committed offset is too large to be stored.'),
  TOPIC_AUTHORIZATION_FAILED: row(29, false, 'Not authorized for the topic.'),
  GROUP_AUTHORIZATION_FAILED: row(30, false, 'Not authorized for the group.'),
  CLUSTER_AUTHORIZATION_FAILED: row(31, false, 'Not authorized for the cluster.'),
  INVALID_TIMESTAMP: row(32, false, "A record's timestamp is out of the accepted range."),
  UNSUPPORTED_SASL_MECHANISM: row(33, false, 'The SASL mechanism is not enabled.'),
  ILLEGAL_SASL_STATE: row(34, false, 'The request does not fit the state of the SASL exchange.'),
  UNSUPPORTED_VERSION: row(35, false, 'The version of the request is not supported.'),
  TOPIC_ALREADY_EXISTS: row(36, false, 'A topic of this name exists already.'),
  INVALID_PARTITIONS: row(37, false, 'The number of partitions is invalid.'),
  INVALID_REPLICATION_FACTOR: row(
    38,
    false,
    'The replication factor is below 1 or above the number of usable brokers.',
  ),
  INVALID_REPLICA_ASSIGNMENT: row(39, false, 'The replica assignment is invalid.'),
  INVALID_CONFIG: row(40, false, 'The configuration is invalid.'),
  NOT_CONTROLLER: row(41, true, 'This broker is not the controller.'),
  INVALID_REQUEST: row(42, false, 'The request is malformed or contradicts itself.'),
  UNSUPPORTED_FOR_MESSAGE_FORMAT: row(43, false, 'The message format of the broker does not support this.'),
  POLICY_VIOLATION: row(44, false, 'A policy of the cluster forbids this.'),
  OUT_OF_ORDER_SEQUENCE_NUMBER: row(45, false, "The producer's sequence number does not follow the last one."),
  DUPLICATE_SEQUENCE_NUMBER: row(46, false, "The producer's sequence number was used before."),
  INVALID_PRODUCER_EPOCH: row(47, false, "The producer's epoch is older than the current one."),
  INVALID_TXN_STATE: row(48, false, 'The transaction is not in a state that allows this.'),
  INVALID_PRODUCER_ID_MAPPING: row(49, false, 'The producer id does not belong to this transactional id.'),
  INVALID_TRANSACTION_TIMEOUT: row(50, false, 'The transaction timeout exceeds what the broker allows.'),
  CONCURRENT_TRANSACTIONS: row(51, true, 'The transactional id is busy with another change: try again.'),
  TRANSACTION_COORDINATOR_FENCED: row(52, false, 'A newer transaction coordinator has taken over.'),
  TRANSACTIONAL_ID_AUTHORIZATION_FAILED: row(53, false, 'Not authorized for the transactional id.'),
  SECURITY_DISABLED: row(54, false, 'Security features are disabled.'),
  OPERATION_NOT_ATTEMPTED: row(55, false, 'The operation was not attempted, since another one of the batch failed.'),
  KAFKA_STORAGE_ERROR: row(56, true, 'The log cannot be read or written because of its disk.'),
  LOG_DIR_NOT_FOUND: row(57, false, 'The broker has no such log directory.'),
  SASL_AUTHENTICATION_FAILED: row(58, false, 'SASL authentication failed.'),
  UNKNOWN_PRODUCER_ID: row(59, false, 'The partition knows nothing of this producer id.'),
  REASSIGNMENT_IN_PROGRESS: row(60, false, 'A reassignment of the partition is under way.'),
  DELEGATION_TOKEN_AUTH_DISABLED: row(61, false, 'Delegation tokens are not enabled.'),
  DELEGATION_TOKEN_NOT_FOUND: row(62, false, 'There is no such delegation token.'),
  DELEGATION_TOKEN_OWNER_MISMATCH: row(63, false, 'The principal neither owns nor may renew the delegation token.'),
  DELEGATION_TOKEN_REQUEST_NOT_ALLOWED: row(64, false, 'Delegation tokens cannot be managed over this connection.'),
  DELEGATION_TOKEN_AUTHORIZATION_FAILED: row(65, false, 'Not authorized for the delegation token.'),
  DELEGATION_TOKEN_EXPIRED: row(66, false, 'The delegation token has expired.'),
  INVALID_PRINCIPAL_TYPE: row(67, false, "The principal's type is not supported."),
  NON_EMPTY_GROUP: row(68, false, 'The group has members.'),
  GROUP_ID_NOT_FOUND: row(69, false, 'There is no such group.'),
  FETCH_SESSION_ID_NOT_FOUND: row(70, true, 'There is no such fetch session.'),
  INVALID_FETCH_SESSION_EPOCH: row(71, true, 'The epoch of the fetch session is another one.'),
  LISTENER_NOT_FOUND: row(72, true, 'The leader has no listener of the name that the request came to.'),
  TOPIC_DELETION_DISABLED: row(73, false, 'Deletion of topics is disabled.'),
  FENCED_LEADER_EPOCH: row(74, true, "The leader epoch is older than this broker's."),
  UNKNOWN_LEADER_EPOCH: row(75, true, "The leader epoch is newer than this broker's."),
  UNSUPPORTED_COMPRESSION_TYPE: row(76, false, 'The compression type is not supported in this version.'),
  STALE_BROKER_EPOCH: row(77, false, 'The broker epoch is not the current one.'),
  OFFSET_NOT_AVAILABLE: row(78, true, 'The new leader cannot tell its high watermark yet.'),
  MEMBER_ID_REQUIRED: row(79, false, 'Join again with the member id that was given.'),
  PREFERRED_LEADER_NOT_AVAILABLE: row(80, true, 'The preferred leader is not available.'),
  GROUP_MAX_SIZE_REACHED: row(81, false, 'The group has as many members as it may have.'),
  FENCED_INSTANCE_ID: row(82, false, 'Another member took over the group instance id.'),
  ELIGIBLE_LEADERS_NOT_AVAILABLE: row(83, true, 'No eligible leader is available.'),
  ELECTION_NOT_NEEDED: row(84, true, 'The partition needs no election.'),
  NO_REASSIGNMENT_IN_PROGRESS: row(85, false, 'No reassignment is under way.'),
  GROUP_SUBSCRIBED_TO_TOPIC: row(86, false, 'A group that is subscribed to the topic keeps its offsets from deletion.'),
  INVALID_RECORD: row(87, false, 'The broker refused a record of the batch.'),
  UNSTABLE_OFFSET_COMMIT: row(88, true, 'Offsets of open transactions stand in the way.'),
  THROTTLING_QUOTA_EXCEEDED: row(89, true, 'The quota is used up.'),
  PRODUCER_FENCED: row(90, false, 'A newer producer with the same transactional id has taken over.'),
  RESOURCE_NOT_FOUND: row(91, false, 'There is no such resource.'),
  DUPLICATE_RESOURCE: row(92, false, 'The request names a resource twice.'),
  UNACCEPTABLE_CREDENTIAL: row(93, false, 'The credential does not meet the requirements.'),
  INCONSISTENT_VOTER_SET: row(
    94,
    false,
    'The sender, or the recipient, is not among the voters that the other side expects.',
  ),
  INVALID_UPDATE_VERSION: row(95, false, 'The update carries an invalid version.'),
  FEATURE_UPDATE_FAILED: row(96, false, 'The features could not be updated.'),
  PRINCIPAL_DESERIALIZATION_FAILURE: row(97, false, 'The forwarded principal cannot be read.'),
  SNAPSHOT_NOT_FOUND: row(98, false, 'There is no such snapshot.'),
  POSITION_OUT_OF_RANGE: row(99, false, 'The position lies outside the snapshot.'),
  UNKNOWN_TOPIC_ID: row(100, true, 'This broker knows no topic of this id.'),
  DUPLICATE_BROKER_REGISTRATION: row(101, false, 'A live broker is registered with this id.'),
  BROKER_ID_NOT_REGISTERED: row(102, false, 'No broker is registered with this id.'),
  INCONSISTENT_TOPIC_ID: row(103, true, 'The log has another topic id than the request.'),
  INCONSISTENT_CLUSTER_ID: row(104, false, 'The request is meant for another cluster.'),
  TRANSACTIONAL_ID_NOT_FOUND: row(105, false, 'There is no such transactional id.'),
  FETCH_SESSION_TOPIC_ID_ERROR: row(106, true, "The fetch session's use of topic ids has changed."),
  INELIGIBLE_REPLICA: row(107, false, 'A replica of the new in-sync set may not be in it.'),
  NEW_LEADER_ELECTED: row(108, false, 'The request was taken, and another leader was elected.'),
  OFFSET_MOVED_TO_TIERED_STORAGE: row(109, false, 'The offset has moved to tiered storage.'),
  FENCED_MEMBER_EPOCH: row(110, false, 'The member epoch was fenced by the coordinator: join again.'),
  UNRELEASED_INSTANCE_ID: row(111, false, 'Another member still holds the instance id.'),
  UNSUPPORTED_ASSIGNOR: row(112, false, 'The assignor is unknown to the group.'),
  STALE_MEMBER_EPOCH: row(113, false, 'The member epoch is stale: try again with the current one.'),
  MISMATCHED_ENDPOINT_TYPE: row(114, false, 'The request was sent to an endpoint of the wrong type.'),
  UNSUPPORTED_ENDPOINT_TYPE: row(115, false, 'This type of endpoint is not supported.'),
  UNKNOWN_CONTROLLER_ID: row(116, false, 'There is no controller of this id.'),
  UNKNOWN_SUBSCRIPTION_ID: row(117, false, "The client's telemetry subscription id is not the current one."),
  TELEMETRY_TOO_LARGE: row(118, false, 'The pushed metrics are larger than the broker allows.'),
  INVALID_REGISTRATION: row(119, false, "The controller refused the broker's registration."),
  TRANSACTION_ABORTABLE: row(120, false, 'The transaction must be aborted; the producer may go on.'),
  INVALID_RECORD_STATE: row(121, false, 'The record is not in a state that allows this acknowledgement.'),
  SHARE_SESSION_NOT_FOUND: row(122, true, 'There is no such share session.'),
  INVALID_SHARE_SESSION_EPOCH: row(123, true, 'The epoch of the share session is another one.'),
  FENCED_STATE_EPOCH: row(124, false, 'The state epoch of the share partition is another one.'),
  INVALID_VOTER_KEY: row(125, false, 'The voter key does not fit the receiving replica.'),
  DUPLICATE_VOTER: row(126, false, 'The voter is in the set already.'),
  VOTER_NOT_FOUND: row(127, false, 'The voter is not in the set.'),
  INVALID_REGULAR_EXPRESSION: row(128, false, 'The regular expression is invalid.'),
  REBOOTSTRAP_REQUIRED: row(129, false, "The client's metadata is too old: start again from the bootstrap servers."),
  STREAMS_INVALID_TOPOLOGY: row(130, false, 'The topology is invalid.'),
  STREAMS_INVALID_TOPOLOGY_EPOCH: row(131, false, 'The topology epoch is invalid.'),
  STREAMS_TOPOLOGY_FENCED: row(132, false, "The topology epoch is older than the group's."),
  SHARE_SESSION_LIMIT_REACHED: row(133, true, 'The broker has as many share sessions as it may have.'),
} as const satisfies Readonly<Record<string, Row>>

export type ErrorName = keyof typeof rows

export const errorNames = Object.keys(rows) as readonly ErrorName[]

const namesByCode: ReadonlyMap<number, ErrorName> = new Map(errorNames.map((name) => [rows[name].code, name]))

export function isErrorName(name: string): name is ErrorName {
  return Object.hasOwn(rows, name)
}

export function errorCode(name: ErrorName): number {
  return rows[name].code
}

/** UNKNOWN_SERVER_ERROR for a code of a newer Kafka, as Kafka's clients take it. */
export function errorName(code: number): ErrorName {
  return namesByCode.get(code) ?? 'UNKNOWN_SERVER_ERROR'
}

export function errorMessage(name: ErrorName): string {
  return rows[name].message
}

export function isRetriable(name: ErrorName): boolean {
  return rows[name].retriable
}

/** A protocol error on its way to a response, or out of one. `message` is fit for the peer's eyes. */
export class ProtocolError extends Error {
  override readonly name: 'ProtocolError' = 'ProtocolError'
  readonly error: ErrorName

  constructor(error: ErrorName, message?: string, options?: ErrorOptions) {
    super(message ?? errorMessage(error), options)
    this.error = error
  }

  get code(): number {
    return errorCode(this.error)
  }

  get retriable(): boolean {
    return isRetriable(this.error)
  }
}
