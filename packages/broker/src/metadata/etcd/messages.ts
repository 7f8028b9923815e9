/**
 * The part of etcd's API (version 3.4 and later) that the metadata store speaks: messages by field number and the
 * methods that take them. From etcd's published `rpc.proto`, `kv.proto` and `auth.proto`; fields that nobody here reads
 * or writes are left out. Keys are texts here, bytes there.
 */
import type { Table } from './protobuf.ts'

export interface Method<Request extends Table, Response extends Table> {
  readonly path: string
  readonly request: Request
  readonly response: Response
}

const Header = {
  clusterId: [1, 'id'],
  memberId: [2, 'id'],
  revision: [3, 'int'],
} as const satisfies Table

const KeyValue = {
  key: [1, 'text'],
  createRevision: [2, 'int'],
  modRevision: [3, 'int'],
  version: [4, 'int'],
  value: [5, 'text'],
  lease: [6, 'id'],
} as const satisfies Table

const RangeRequest = {
  key: [1, 'text'],
  rangeEnd: [2, 'bytes'],
  limit: [3, 'int'],
  revision: [4, 'int'],
  countOnly: [9, 'flag'],
} as const satisfies Table

const RangeResponse = {
  header: [1, Header],
  kvs: [2, [KeyValue]],
  more: [3, 'flag'],
  count: [4, 'int'],
} as const satisfies Table

const PutRequest = { key: [1, 'text'], value: [2, 'text'], lease: [3, 'id'] } as const satisfies Table
const DeleteRangeRequest = { key: [1, 'text'] } as const satisfies Table

const Compare = {
  result: [1, 'int'],
  target: [2, 'int'],
  key: [3, 'text'],
  modRevision: [6, 'int'],
} as const satisfies Table
/** Values of `Compare`'s `result` and `target`. */
export const COMPARE_EQUAL = 0
export const COMPARE_MOD_REVISION = 2

const RequestOp = {
  put: [2, PutRequest],
  deleteRange: [3, DeleteRangeRequest],
} as const satisfies Table

const TxnRequest = { compare: [1, [Compare]], success: [2, [RequestOp]] } as const satisfies Table
const TxnResponse = { header: [1, Header], succeeded: [2, 'flag'] } as const satisfies Table

export const RANGE = method('KV/Range', RangeRequest, RangeResponse)
export const TXN = method('KV/Txn', TxnRequest, TxnResponse)
export const COMPACT = method('KV/Compact', { revision: [1, 'int'] }, { header: [1, Header] })

const WatchCreateRequest = {
  key: [1, 'text'],
  rangeEnd: [2, 'bytes'],
  startRevision: [3, 'int'],
  progressNotify: [4, 'flag'],
  fragment: [8, 'flag'],
} as const satisfies Table

const Event = { type: [1, 'int'], kv: [2, KeyValue] } as const satisfies Table
/** Of `Event`'s `type`. */
export const EVENT_DELETE = 1

const WatchResponse = {
  header: [1, Header],
  created: [3, 'flag'],
  canceled: [4, 'flag'],
  compactRevision: [5, 'int'],
  cancelReason: [6, 'text'],
  fragment: [7, 'flag'],
  events: [11, [Event]],
} as const satisfies Table

export const WATCH = method('Watch/Watch', { create: [1, WatchCreateRequest] }, WatchResponse)

export const LEASE_GRANT = method(
  'Lease/LeaseGrant',
  { ttlSeconds: [1, 'int'], id: [2, 'id'] },
  { header: [1, Header], id: [2, 'id'], ttlSeconds: [3, 'int'], error: [4, 'text'] },
)
export const LEASE_REVOKE = method('Lease/LeaseRevoke', { id: [1, 'id'] }, { header: [1, Header] })
/** A stream in both directions; one request and one answer are all that is used of it. */
export const LEASE_KEEP_ALIVE = method(
  'Lease/LeaseKeepAlive',
  { id: [1, 'id'] },
  { header: [1, Header], id: [2, 'id'], ttlSeconds: [3, 'int'] },
)

const AlarmMember = { memberId: [1, 'id'], alarm: [2, 'int'] } as const satisfies Table
/** Of `AlarmMember`'s `alarm`. */
export const ALARM_NOSPACE = 1
/** Asks with action GET (0), for all members and alarms. */
export const ALARM = method(
  'Maintenance/Alarm',
  { action: [1, 'int'] },
  { header: [1, Header], alarms: [2, [AlarmMember]] },
)

export const STATUS = method(
  'Maintenance/Status',
  {},
  { header: [1, Header], version: [2, 'text'], dbBytes: [3, 'int'], leader: [4, 'id'], dbBytesInUse: [9, 'int'] },
)

export const AUTHENTICATE = method(
  'Auth/Authenticate',
  { name: [1, 'text'], password: [2, 'text'] },
  { header: [1, Header], token: [2, 'text'] },
)

function method<const Request extends Table, const Response extends Table>(
  name: string,
  request: Request,
  response: Response,
): Method<Request, Response> {
  return { path: `/etcdserverpb.${name}`, request, response }
}
