/**
 * The resources whose settings are described and altered: their codes, who may, and which name a broker's must have.
 * Loggers (type 8) are known and empty: this broker's log has no named loggers whose level could be changed.
 */
import { ProtocolError } from '@ottla/protocol/errors.ts'
import type { AclOperation } from '../security/authorizer.ts'
import { CLUSTER_RESOURCE_NAME } from '../security/authorizer.ts'
import type { RequestContext } from './context.ts'

export type ResourceKind = 'topic' | 'broker' | 'broker-logger' | 'client-metrics' | 'group'

const KINDS: { readonly [code: number]: ResourceKind } = {
  2: 'topic',
  4: 'broker',
  8: 'broker-logger',
  16: 'client-metrics',
  32: 'group',
}

export const CONFIG_RESOURCE_TYPES: readonly number[] = Object.keys(KINDS).map(Number)

/** Undefined for a code that Kafka does not have either. */
export function resourceKind(code: number): ResourceKind | undefined {
  return KINDS[code]
}

/** Null when the client may describe or alter the resource's settings. */
export function unauthorized(
  context: RequestContext,
  operation: AclOperation & ('describeConfigs' | 'alterConfigs'),
  { kind, name }: { kind: ResourceKind; name: string },
): ProtocolError | null {
  switch (kind) {
    case 'topic':
      return context.authorize(operation, 'topic', name) ? null : new ProtocolError('TOPIC_AUTHORIZATION_FAILED')
    case 'group':
      return context.authorize(operation, 'group', name) ? null : new ProtocolError('GROUP_AUTHORIZATION_FAILED')
    default: {
      const isAllowed = context.authorize(operation, 'cluster', CLUSTER_RESOURCE_NAME)
      return isAllowed ? null : new ProtocolError('CLUSTER_AUTHORIZATION_FAILED')
    }
  }
}

/** Settings of a broker are asked of that broker. The caller knows that the name is not empty, where that means all. */
export function wrongBroker(name: string, brokerId: number): ProtocolError | null {
  if (!/^-?\d{1,10}$/.test(name)) {
    return new ProtocolError('INVALID_REQUEST', `Broker id must be an integer, but it is: ${name}`)
  }
  if (Number(name) === brokerId) return null
  return new ProtocolError('INVALID_REQUEST', `Unexpected broker id, expected ${brokerId}, but received ${name}`)
}
