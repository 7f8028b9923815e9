/**
 * OffsetDelete (47): removes committed offsets of topics that nobody in the group reads any more. The group is asked about
 * even when nothing is left to remove: whether it is there, and may lose offsets, is told in any case.
 */
import type { OffsetDelete } from '@ottla/protocol/apis/47-offset-delete.ts'
import type { RequestOf, ResponseInputOf } from '@ottla/protocol/codec.ts'
import { errorCode } from '@ottla/protocol/errors.ts'
import { type Handler, inOrder } from './context.ts'
import { refuse } from './group-requests.ts'
import { type CheckedTopic, checkTopics, merged, permitted } from './offset-partitions.ts'
import type { BrokerParts } from './parts.ts'

type Request = RequestOf<typeof OffsetDelete>
type Response = ResponseInputOf<typeof OffsetDelete>

const NONE = errorCode('NONE')

export function offsetDelete(parts: Pick<BrokerParts, 'groups' | 'image'>): Handler<Request, Response> {
  return (context, request) => {
    if (!context.authorize('delete', 'group', request.groupId)) return inOrder(refuse('GROUP_AUTHORIZATION_FAILED'))
    const checked = checkTopics({ image: parts.image(), context, byId: false }, request.topics)
    return inOrder(remove(parts, { ...request, topics: permitted(checked) }, checked))
  }
}

/** An error of the whole group leaves nothing to say of its partitions. */
async function remove(
  { groups }: Pick<BrokerParts, 'groups'>,
  request: Request,
  checked: readonly CheckedTopic<Request['topics'][number]>[],
): Promise<Response> {
  const reply = await groups.deleteOffsets(request)
  if (reply.errorCode !== NONE) return { errorCode: reply.errorCode, topics: [] }
  const codes = reply.topics.flatMap(({ partitions }) => partitions.map((partition) => partition.errorCode))
  return { errorCode: NONE, topics: merged(checked, codes) }
}
