/**
 * From the texts of configuration files and the words of a command line to one BrokerConfig. Reads no file itself. What
 * stands later wins: defaults, then files in their order, then overrides.
 */
import { BrokerConfig } from './broker-config.ts'
import { checkConstraints } from './constraints.ts'
import { type Listener, resolveListeners } from './listeners.ts'
import { nearest } from './nearest.ts'
import { PropertiesError, parseProperties } from './properties.ts'
import { BROKER_KEYS } from './tables.ts'
import { type IgnoredKey, ignoredBecause, isPrefixed, refusedBecause } from './unsupported.ts'
import { canonical, violation } from './values.ts'

export interface ConfigSources {
  /** In the order in which they were named; `name` is for messages only. */
  readonly files?: readonly { readonly name: string; readonly text: string }[]
  readonly overrides?: { readonly [key: string]: string }
  /** Better defaults than Kafka's for how this broker is started (a data directory, a replication factor of one). */
  readonly defaults?: { readonly [key: string]: string }
  /** What is advertised for a listener without a host. */
  readonly hostName?: string
}

export interface LoadedConfig {
  readonly config: BrokerConfig
  /** What was set and has no effect here, each with its reason: to be told to the operator once. */
  readonly ignored: readonly IgnoredKey[]
}

/** All that is wrong, a sentence each: an operator mends everything in one go. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly problems: readonly string[]
  constructor(problems: readonly string[]) {
    super(problems.join('\n'))
    this.problems = problems
  }
}

const NODE_ID_DEFAULT = 1
const HOST_NAME_DEFAULT = 'localhost'

/** Throws ConfigError. */
export function loadConfig(sources: ConfigSources): LoadedConfig {
  const problems: string[] = []
  const texts = gather(sources, problems)
  const written = checkValues(texts, problems)
  const listeners = resolveListeners(
    {
      listeners: textOf(written, 'listeners')!,
      advertisedListeners: textOf(written, 'advertised.listeners'),
      protocolMap: textOf(written, 'listener.security.protocol.map')!,
      protocolMapIsSet: written.has('listener.security.protocol.map'),
      controllerListenerNames: textOf(written, 'controller.listener.names') ?? '',
      hostName: sources.hostName ?? HOST_NAME_DEFAULT,
    },
    problems,
  )
  const nodeId = nodeIdOf(written, problems)
  if (problems.length > 0) throw new ConfigError(problems)
  return finish({ nodeId, listeners, written })
}

function finish(parts: {
  nodeId: number
  listeners: readonly Listener[]
  written: ReadonlyMap<string, string>
}): LoadedConfig {
  const problems: string[] = []
  const config = new BrokerConfig(parts)
  checkConstraints(config, problems)
  if (problems.length > 0) throw new ConfigError(problems)
  return { config, ignored: ignoredOf(parts.written.keys()) }
}

/** The last text of each key, unchecked, with where it was found. */
function gather(sources: ConfigSources, problems: string[]): Map<string, { text: string; where: string }> {
  const texts = new Map<string, { text: string; where: string }>()
  for (const [key, text] of Object.entries(sources.defaults ?? {})) texts.set(key, { text, where: '' })
  for (const file of sources.files ?? []) {
    for (const { key, value, line } of entriesOf(file, problems)) {
      texts.set(key, { text: value, where: ` (${file.name}, line ${line})` })
    }
  }
  for (const [key, text] of Object.entries(sources.overrides ?? {})) texts.set(key, { text, where: '' })
  return texts
}

function entriesOf(file: { name: string; text: string }, problems: string[]): ReturnType<typeof parseProperties> {
  try {
    return parseProperties(file.text)
  } catch (error) {
    if (!(error instanceof PropertiesError)) throw error
    problems.push(`Cannot read ${file.name}: ${error.message}`)
    return []
  }
}

/** Legal values in their canonical form; what is not legal goes to `problems`. */
function checkValues(
  texts: ReadonlyMap<string, { text: string; where: string }>,
  problems: string[],
): Map<string, string> {
  const written = new Map<string, string>()
  for (const [name, { text, where }] of texts) {
    const key = BROKER_KEYS.get(name)
    if (key === undefined) {
      if (isPrefixed(name)) written.set(name, text)
      else problems.push(unknownKey(name, where))
      continue
    }
    const wrong = violation(key, text)
    const refused = refusedBecause(name, text)
    if (refused !== null) problems.push(`Cannot start with ${name}=${text}${where}: ${refused}`)
    else if (wrong === null) written.set(name, canonical(key, text))
    else problems.push(`Cannot use ${name}=${key.sensitive ? '(hidden)' : text}${where}: ${wrong}`)
  }
  return written
}

function unknownKey(name: string, where: string): string {
  const meant = nearest(name, BROKER_KEYS.keys())
  return `Unknown configuration key "${name}"${where}${meant === null ? '' : `: did you mean "${meant}"?`}`
}

/** As BrokerConfig.text, before there is one. */
function textOf(written: ReadonlyMap<string, string>, name: string): string | null {
  return written.get(name) ?? BROKER_KEYS.get(name)!.defaultValue
}

function nodeIdOf(written: ReadonlyMap<string, string>, problems: string[]): number {
  const [nodeId, brokerId] = [written.get('node.id'), written.get('broker.id')]
  if (nodeId !== undefined && brokerId !== undefined && Number(nodeId) !== Number(brokerId)) {
    problems.push(`Cannot use node.id=${nodeId} and broker.id=${brokerId}: they mean the same`)
  }
  const id = Number(nodeId ?? brokerId ?? NODE_ID_DEFAULT)
  if (id < 0) problems.push(`Cannot use node.id=${id}: expected a whole number from 0`)
  return id
}

function ignoredOf(names: Iterable<string>): IgnoredKey[] {
  const ignored: IgnoredKey[] = []
  for (const key of names) {
    const reason = ignoredBecause(key)
    if (reason !== null) ignored.push({ key, reason })
  }
  return ignored
}
