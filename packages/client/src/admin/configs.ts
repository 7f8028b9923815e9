/** Owns configurations of topics, brokers and groups: reading them with their sources, and changing single entries (KIP-339). */
import { DescribeConfigs } from '@ottla/protocol/apis/32-describe-configs.ts'
import { IncrementalAlterConfigs } from '@ottla/protocol/apis/44-incremental-alter-configs.ts'
import type { ProtocolError } from '@ottla/protocol/errors.ts'
import type { Client } from '../client.ts'
import { type AdminOptions, ask, errorOf } from './call.ts'

const RESOURCE_TYPES = { topic: 2, broker: 4, 'broker-logger': 8, 'client-metrics': 16, group: 32 } as const
const SOURCES = [
  'unknown',
  'topic',
  'dynamic-broker',
  'dynamic-default-broker',
  'static-broker',
  'default',
  'broker-logger',
  'client-metrics',
  'group',
] as const
const OPERATIONS = { set: 0, delete: 1, append: 2, subtract: 3 } as const

export type ConfigSource = (typeof SOURCES)[number]

/** `name` is a topic, a node id as text ('' for the defaults of all brokers), or a group. */
export interface ConfigResource {
  readonly type: keyof typeof RESOURCE_TYPES
  readonly name: string
}

export interface ConfigEntry {
  readonly name: string
  /** Null where it is secret, or has no value. */
  readonly value: string | null
  readonly source: ConfigSource
  readonly isReadOnly: boolean
  readonly isSensitive: boolean
}

export interface ConfigDescription {
  readonly resource: ConfigResource
  readonly error: ProtocolError | null
  /** By name. */
  readonly entries: readonly ConfigEntry[]
}

export interface ConfigChange {
  readonly name: string
  readonly operation: keyof typeof OPERATIONS
  /** Null for `delete`, which goes back to the default. */
  readonly value: string | null
}

/** One after another, since a broker only knows its own configuration. */
export async function describeConfigs(
  client: Client,
  resources: readonly ConfigResource[],
  options: AdminOptions & { names?: readonly string[] } = {},
): Promise<ConfigDescription[]> {
  const descriptions: ConfigDescription[] = []
  for (const resource of resources) descriptions.push(await describeResource(client, resource, options))
  return descriptions
}

export async function incrementalAlterConfigs(
  client: Client,
  alterations: readonly { readonly resource: ConfigResource; readonly changes: readonly ConfigChange[] }[],
  options: AdminOptions & { validateOnly?: boolean } = {},
): Promise<{ readonly resource: ConfigResource; readonly error: ProtocolError | null }[]> {
  const outcomes = []
  for (const { resource, changes } of alterations) {
    const configs = changes.map(({ name, operation, value }) => ({
      name,
      configOperation: OPERATIONS[operation],
      value,
    }))
    const row = { resourceType: RESOURCE_TYPES[resource.type], resourceName: resource.name, configs }
    const request = { resources: [row], validateOnly: options.validateOnly ?? false }
    const answer = await ask(
      client,
      { api: IncrementalAlterConfigs, request, reads: false, ...nodeOf(resource) },
      options,
    )
    const { errorCode = -1, errorMessage = null } = answer.responses[0] ?? {}
    outcomes.push({ resource, error: errorOf(`alter ${textOf(resource)}`, errorCode, errorMessage) })
  }
  return outcomes
}

async function describeResource(
  client: Client,
  resource: ConfigResource,
  options: AdminOptions & { names?: readonly string[] },
): Promise<ConfigDescription> {
  const row = {
    resourceType: RESOURCE_TYPES[resource.type],
    resourceName: resource.name,
    configurationKeys: options.names ?? null,
  }
  const answer = await ask(
    client,
    { api: DescribeConfigs, request: { resources: [row] }, reads: true, ...nodeOf(resource) },
    options,
  )
  const { errorCode = -1, errorMessage = null, configs = [] } = answer.results[0] ?? {}
  const entries = configs.map((config) => ({
    name: config.name,
    value: config.value,
    source: SOURCES[config.configSource] ?? 'unknown',
    isReadOnly: config.readOnly,
    isSensitive: config.isSensitive,
  }))
  entries.sort((a, b) => (a.name < b.name ? -1 : 1))
  return { resource, error: errorOf(`describe ${textOf(resource)}`, errorCode, errorMessage), entries }
}

/** What is one broker's own has to be asked of that broker. */
function nodeOf(resource: ConfigResource): { nodeId?: number } {
  const isOneBrokers = (resource.type === 'broker' || resource.type === 'broker-logger') && resource.name !== ''
  return isOneBrokers ? { nodeId: Number(resource.name) } : {}
}

function textOf(resource: ConfigResource): string {
  return `configuration of ${resource.type} "${resource.name}"`
}
