/** What AlterConfigs and IncrementalAlterConfigs have in common: checks per resource, then one call to the controller. */
import { ProtocolError } from '@ottla/protocol/errors.ts'
import type { AlterConfig, ConfigChange, ConfigOperation } from '../metadata/controller-client.ts'
import { duplicates, type ErrorFields, errorFields } from './admin-replies.ts'
import { type ResourceKind, resourceKind, unauthorized, wrongBroker } from './config-resources.ts'
import type { RequestContext } from './context.ts'
import type { BrokerParts } from './parts.ts'

export interface ResourceChange {
  readonly resourceType: number
  readonly resourceName: string
  readonly configs: readonly { readonly name: string; readonly operation: number; readonly value: string | null }[]
}

export interface ResourceReply extends ErrorFields {
  readonly resourceType: number
  readonly resourceName: string
}

/** IncrementalAlterConfigs' codes, by their place. */
const OPERATIONS: readonly ConfigOperation[] = ['set', 'delete', 'append', 'subtract']
export const SET = OPERATIONS.indexOf('set')

/** `complete`: settings that are not named are removed. */
export async function changeConfigs(
  parts: Pick<BrokerParts, 'brokerId' | 'controller'>,
  context: RequestContext,
  request: { resources: readonly ResourceChange[]; complete: boolean; validateOnly: boolean },
): Promise<ResourceReply[]> {
  const { resources, complete, validateOnly } = request
  const twice = duplicates(resources, identity)
  const checked = resources.map((resource) => check(parts, context, { resource, twice, complete }))
  const commands = checked.filter((outcome): outcome is AlterConfig => !(outcome instanceof ProtocolError))
  const outcomes = await parts.controller.alterConfigs(commands, { validateOnly })
  const outcomeOf = new Map(commands.map((command, i) => [command, outcomes[i]]))
  return resources.map(({ resourceType, resourceName }, i) => {
    const outcome = checked[i]!
    return {
      resourceType,
      resourceName,
      ...errorFields(outcome instanceof ProtocolError ? outcome : outcomeOf.get(outcome)),
    }
  })
}

const identity = ({ resourceType, resourceName }: ResourceChange): string => `${resourceType} ${resourceName}`

function check(
  parts: Pick<BrokerParts, 'brokerId'>,
  context: RequestContext,
  { resource, twice, complete }: { resource: ResourceChange; twice: ReadonlySet<string>; complete: boolean },
): AlterConfig | ProtocolError {
  const kind = resourceKind(resource.resourceType)
  const name = resource.resourceName
  if (twice.has(identity(resource))) return invalid('Each resource must appear at most once.')
  const malformed = malformedChanges(resource)
  if (malformed !== null) return invalid(malformed)
  if (kind === undefined) return invalid(`Unknown resource type ${resource.resourceType}`)
  const elsewhere = wrongName(parts, { kind, name })
  if (elsewhere !== null) return elsewhere
  const denied = unauthorized(context, 'alterConfigs', { kind, name })
  if (denied !== null) return denied
  if (kind === 'broker-logger') return noSuchLogger(resource)
  const changes = resource.configs.map(({ name: key, operation, value }): ConfigChange => {
    return { key, operation: OPERATIONS[operation]!, value }
  })
  return { type: kind, name, complete, changes }
}

function malformedChanges({ configs }: ResourceChange): string | null {
  if (duplicates(configs, ({ name }) => name).size > 0) return 'Error due to duplicate config keys'
  const unknown = configs.find(({ operation }) => OPERATIONS[operation] === undefined)
  if (unknown !== undefined) return `Unknown operation ${unknown.operation} for configuration ${unknown.name}`
  const missing = configs.filter(({ operation, value }) => value === null && OPERATIONS[operation] !== 'delete')
  return missing.length === 0 ? null : `Null value not supported for : ${missing.map(({ name }) => name).join(', ')}`
}

function wrongName(
  { brokerId }: Pick<BrokerParts, 'brokerId'>,
  { kind, name }: { kind: ResourceKind; name: string },
): ProtocolError | null {
  if (kind === 'topic') return name === '' ? invalid('Default topic resources are not allowed.') : null
  if (kind === 'broker') return name === '' ? null : wrongBroker(name, brokerId)
  return kind === 'broker-logger' ? wrongBroker(name, brokerId) : null
}

function noSuchLogger({ configs }: ResourceChange): ProtocolError {
  return new ProtocolError('INVALID_CONFIG', `Logger ${configs[0]?.name ?? ''} does not exist!`)
}

function invalid(message: string): ProtocolError {
  return new ProtocolError('INVALID_REQUEST', message)
}
