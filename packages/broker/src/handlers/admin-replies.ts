/** Shapes that the replies of several admin APIs share. */
import { errorCode, ProtocolError } from '@ottla/protocol/errors.ts'
import type { AclOperation, ResourceType } from '../security/authorizer.ts'
import type { RequestContext } from './context.ts'

export interface ErrorFields {
  readonly errorCode: number
  readonly errorMessage: string | null
}

/** Kafka leaves the message null on success. */
export function errorFields(outcome: unknown): ErrorFields {
  if (!(outcome instanceof ProtocolError)) return { errorCode: errorCode('NONE'), errorMessage: null }
  return { errorCode: outcome.code, errorMessage: outcome.message }
}

/** The items whose key comes more than once. */
export function duplicates<Item>(items: readonly Item[], keyOf: (item: Item) => string): ReadonlySet<string> {
  const counts = Map.groupBy(items, keyOf)
  return new Set([...counts].filter(([, same]) => same.length > 1).map(([key]) => key))
}

/** Replies carry this where authorised operations were not asked for. */
export const OPERATIONS_NOT_ASKED = -2147483648

/** Kafka's codes of operations, which are the places of their bits. */
const OPERATION_BIT = {
  read: 3,
  write: 4,
  create: 5,
  delete: 6,
  alter: 7,
  describe: 8,
  clusterAction: 9,
  describeConfigs: 10,
  alterConfigs: 11,
  idempotentWrite: 12,
} as const satisfies { readonly [O in AclOperation]: number }

const OPERATIONS_OF: { readonly [T in 'topic' | 'cluster' | 'group']: readonly AclOperation[] } = {
  topic: ['read', 'write', 'create', 'delete', 'alter', 'describe', 'describeConfigs', 'alterConfigs'],
  cluster: ['create', 'alter', 'describe', 'clusterAction', 'describeConfigs', 'alterConfigs', 'idempotentWrite'],
  group: ['read', 'delete', 'describe', 'describeConfigs', 'alterConfigs'],
}

/** The bit field of what the client may do with the resource. */
export function authorizedOperations(
  context: RequestContext,
  type: keyof typeof OPERATIONS_OF & ResourceType,
  name: string,
): number {
  const allowed = OPERATIONS_OF[type].filter((operation) => context.authorize(operation, type, name))
  return allowed.reduce((bits, operation) => bits | (1 << OPERATION_BIT[operation]), 0)
}
