/**
 * OffsetCommit (8): stores offsets of a group. Partitions that are refused do not hold up the others; what the
 * coordinator says of the group holds for all that are left.
 */
import type { OffsetCommit } from '@ottla/protocol/apis/08-offset-commit.ts'
import type { RequestOf, ResponseInputOf } from '@ottla/protocol/codec.ts'
import { ProtocolError } from '@ottla/protocol/errors.ts'
import { answered, type Handler, inOrder, type RequestContext } from './context.ts'
import { callerOf, refuse } from './group-requests.ts'
import { type CheckedTopic, checkTopics, merged, permitted } from './offset-partitions.ts'
import type { BrokerParts } from './parts.ts'

type Request = RequestOf<typeof OffsetCommit>
type Response = ResponseInputOf<typeof OffsetCommit>
type AskedTopic = Request['topics'][number]

/** From this version on topics go by their ids. */
const IDS_FROM = 10

export function offsetCommit(parts: Pick<BrokerParts, 'groups' | 'image'>): Handler<Request, Response> {
  return (context, request) => {
    if (!context.authorize('read', 'group', request.groupId)) return inOrder(refuse('GROUP_AUTHORIZATION_FAILED'))
    const byId = context.apiVersion >= IDS_FROM
    const checked = checkTopics({ image: parts.image(), context, byId }, request.topics)
    const topics = permitted(checked)
    if (topics.length === 0) return answered({ topics: merged(checked, []) })
    return inOrder(commit(parts, context, { request: { ...request, topics }, checked }))
  }
}

async function commit(
  { groups }: Pick<BrokerParts, 'groups'>,
  context: RequestContext,
  { request, checked }: { request: Request; checked: readonly CheckedTopic<AskedTopic>[] },
): Promise<Response> {
  try {
    const { topics } = await groups.commitOffsets(request, callerOf(context))
    return { topics: merged(checked, codesOf(topics)) }
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error
    const codes = request.topics.flatMap(({ partitions }) => partitions.map(() => error.code))
    return { topics: merged(checked, codes) }
  }
}

function codesOf(topics: Response['topics']): number[] {
  return topics.flatMap(({ partitions }) => partitions.map(({ errorCode }) => errorCode))
}
