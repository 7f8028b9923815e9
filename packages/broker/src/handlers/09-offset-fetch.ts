/**
 * OffsetFetch (9): committed offsets of one group up to version 7, of many from version 8 on, each with an error of its
 * own. Neither the group nor the partitions need exist: what was never committed is offset -1 without an error.
 */
import type { OffsetFetch } from '@ottla/protocol/apis/09-offset-fetch.ts'
import type { RequestOf, ResponseInputOf } from '@ottla/protocol/codec.ts'
import { type ErrorName, errorCode, errorName, ProtocolError } from '@ottla/protocol/errors.ts'
import { type MetadataImage, ZERO_UUID } from '../metadata/image.ts'
import { type Handler, inOrder, type RequestContext } from './context.ts'
import type { BrokerParts } from './parts.ts'

type Request = RequestOf<typeof OffsetFetch>
type Response = ResponseInputOf<typeof OffsetFetch>
type Versioned = Pick<RequestContext, 'apiVersion'>
type AskedGroup = Request['groups'][number]
type AskedTopic = NonNullable<AskedGroup['topics']>[number]
type GroupReply = NonNullable<Response['groups']>[number]
type TopicReply = GroupReply['topics'][number]

/** From these versions on: an error of the whole group; many groups; topics by their ids. */
const GROUP_ERROR_FROM = 2
const BATCHES_FROM = 8
const IDS_FROM = 10

export function offsetFetch(parts: Pick<BrokerParts, 'groups' | 'image'>): Handler<Request, Response> {
  return (context, request) => {
    const fetches = askedGroups(context, request).map((group) => fetchGroup(parts, context, { request, group }))
    return inOrder(Promise.all(fetches).then((groups) => shaped(context, groups)))
  }
}

function askedGroups({ apiVersion }: Versioned, { groupId, topics, groups }: Request): readonly AskedGroup[] {
  if (apiVersion >= BATCHES_FROM) return groups
  const asked = topics === null ? null : topics.map((topic) => ({ ...topic, topicId: ZERO_UUID }))
  return [{ groupId, memberId: null, memberEpoch: -1, topics: asked }]
}

function shaped({ apiVersion }: Versioned, groups: GroupReply[]): Response {
  if (apiVersion >= BATCHES_FROM) return { groups }
  const [{ topics, errorCode: code }] = groups as [GroupReply]
  return { topics: topics.map(({ name, partitions }) => ({ name: name ?? '', partitions })), errorCode: code ?? 0 }
}

/** The same error for all that was asked. */
export function failedOffsetFetch(request: Request, { code, version }: { code: number; version: number }): Response {
  const context = { apiVersion: version }
  return shaped(
    context,
    askedGroups(context, request).map((group) => groupError(context, group, errorName(code))),
  )
}

interface GroupFetch {
  readonly request: Request
  readonly group: AskedGroup
}

async function fetchGroup(
  parts: Pick<BrokerParts, 'groups' | 'image'>,
  context: RequestContext,
  { request, group }: GroupFetch,
): Promise<GroupReply> {
  const { groupId } = group
  if (!context.authorize('describe', 'group', groupId)) return groupError(context, group, 'GROUP_AUTHORIZATION_FAILED')
  try {
    const fetch = group.topics === null ? fetchAll : fetchNamed
    return await fetch(parts, context, { request, group })
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error
    return groupError(context, group, error.error)
  }
}

/** Topics that the client may not see are left out, as if the group had no offsets there. */
async function fetchAll(
  { groups, image }: Pick<BrokerParts, 'groups' | 'image'>,
  context: RequestContext,
  { request: { requireStable }, group }: GroupFetch,
): Promise<GroupReply> {
  const fetched = await groups.fetchOffsets({ ...group, topics: null, requireStable })
  const visible = fetched.topics.filter(({ name }) => context.authorize('describe', 'topic', name ?? ''))
  if (context.apiVersion < IDS_FROM) return { ...fetched, topics: visible }
  const topics = visible.flatMap(({ name = '', partitions }) => {
    const topicId = image().topicsByName.get(name)?.id
    return topicId === undefined ? [] : [{ name, topicId, partitions }]
  })
  return { ...fetched, topics }
}

async function fetchNamed(
  { groups, image }: Pick<BrokerParts, 'groups' | 'image'>,
  context: RequestContext,
  { request: { requireStable }, group }: GroupFetch,
): Promise<GroupReply> {
  const checked = (group.topics ?? []).map((asked) => checkTopic(image(), context, asked))
  const topics = checked.filter(({ error }) => error === null).map(({ topic }) => topic)
  const fetched = await groups.fetchOffsets({ ...group, topics, requireStable })
  if (fetched.errorCode !== errorCode('NONE')) return fetched
  const replies = fetched.topics.values()
  return {
    ...fetched,
    topics: checked.map(({ topic, error }) => (error === null ? replies.next().value! : topicError(topic, error))),
  }
}

/** With the name of what goes by its id, and the id of what goes by its name: another topic had it before, maybe. */
function checkTopic(
  image: MetadataImage,
  context: RequestContext,
  asked: AskedTopic,
): { topic: AskedTopic; error: ErrorName | null } {
  const byId = context.apiVersion >= IDS_FROM
  const found = byId ? image.topicsById.get(asked.topicId) : image.topicsByName.get(asked.name)
  const name = byId ? found?.name : asked.name
  if (name === undefined) return { topic: asked, error: 'UNKNOWN_TOPIC_ID' }
  const isVisible = context.authorize('describe', 'topic', name)
  const topicId = found?.id ?? asked.topicId
  return { topic: { ...asked, name, topicId }, error: isVisible ? null : 'TOPIC_AUTHORIZATION_FAILED' }
}

/** Version 1 has no place for it but the partitions. */
function groupError({ apiVersion }: Versioned, { groupId, topics }: AskedGroup, error: ErrorName): GroupReply {
  if (apiVersion >= GROUP_ERROR_FROM) return { groupId, topics: [], errorCode: errorCode(error) }
  return { groupId, topics: (topics ?? []).map((topic) => topicError(topic, error)), errorCode: errorCode(error) }
}

function topicError({ name, topicId, partitionIndexes }: AskedTopic, error: ErrorName): TopicReply {
  const partitions = partitionIndexes.map((partitionIndex) => ({
    ...{ partitionIndex, committedOffset: -1, committedLeaderEpoch: -1, metadata: '' },
    errorCode: errorCode(error),
  }))
  return { name, topicId, partitions }
}
