/** IncrementalAlterConfigs (44) and AlterConfigs (33). What a scenario sets on the broker it takes back. */
import { AlterConfigs } from '@ottla/protocol/apis/33-alter-configs.ts'
import { IncrementalAlterConfigs } from '@ottla/protocol/apis/44-incremental-alter-configs.ts'
import { NODE_ID } from '../profiles.ts'
import { BROKER, settings, TOPIC } from '../requests-of-clients.ts'
import { type AskStep, ask, type Scenario, scenario } from '../scenario.ts'

const BROKER_LOGGER = 8
const CLIENT_METRICS = 16
const GROUP = 32
const OWN = String(NODE_ID)

const SET = 0
const DELETE = 1
const APPEND = 2
const SUBTRACT = 3

const THROTTLED = 'follower.replication.throttled.replicas'
const replicas = (from: number, to: number): string =>
  Array.from({ length: to - from }, (_, i) => `${from + i}:1`).join()

type Change = readonly [operation: number, key: string, value: string | null]

const change = (
  changes: readonly Change[],
  text: { type?: number; name?: string; validateOnly?: boolean } = {},
): AskStep => {
  const { type = TOPIC, name = '@a', validateOnly = false } = text
  const configs = changes.map(([configOperation, key, value]) => ({ name: key, configOperation, value }))
  return ask(IncrementalAlterConfigs, {
    resources: [{ resourceType: type, resourceName: name, configs }],
    validateOnly,
  })
}

const look = (...keys: readonly string[]) => settings({ keys })
const lookAt = (type: number, name: string, ...keys: readonly string[]) => settings({ type, name, keys })

/** Sends one value, or several, to a resource. */
type Put = (
  values: readonly (readonly [key: string, value: string | null])[],
  text?: { type?: number; name?: string; validateOnly?: boolean },
) => AskStep

type StepsByName = { readonly [scenario: string]: readonly AskStep[] }

/** What both APIs refuse alike, of topics and brokers. */
function alike(put: Put): StepsByName {
  return {
    ...alikeElsewhere(put),
    'values that are wrong': [
      put([['no.such.key', '1']]),
      put([['', '1']]),
      put([['retention.ms', 'many']]),
      put([['retention.ms', '-2']]),
      put([['retention.ms', '']]),
      put([['cleanup.policy', 'sometimes']]),
      put([['compression.type', 'zip']]),
      put([['min.insync.replicas', '0']]),
      put([['retention.ms', null]]),
      put([
        ['retention.ms', '1'],
        ['retention.ms', '2'],
      ]),
      put([
        ['retention.ms', '1'],
        ['no.such.key', '1'],
      ]),
      put([
        ['local.retention.ms', '5000'],
        ['retention.ms', '1000'],
      ]),
      look('retention.ms'),
    ],
    'topics that there are not': ['@missing', 'not a name', '', '.'].map((name) =>
      put([['retention.ms', '1']], { name }),
    ),
    'other brokers': ['99', 'one', '-1'].map((name) => put([['log.retention.ms', '1']], { type: BROKER, name })),
    'settings of a broker that cannot change': [
      put([['log.dirs', '/elsewhere']], { type: BROKER, name: OWN }),
      put([['num.partitions', '7']], { type: BROKER, name: OWN }),
      put([['no.such.key', '7']], { type: BROKER, name: OWN }),
      put([['message.max.bytes', 'many']], { type: BROKER, name: OWN }),
      put([['message.max.bytes', '-1']], { type: BROKER, name: '' }),
      put([['broker.id', '7']], { type: BROKER, name: '' }),
      put([['ssl.keystore.location', '/elsewhere']], { type: BROKER, name: OWN }),
      put([['listener.name.external.ssl.keystore.location', '/elsewhere']], { type: BROKER, name: '' }),
      put([['min.insync.replicas', '2']], { type: BROKER, name: OWN }),
      put([['max.connections', '10']], { type: BROKER, name: '', validateOnly: true }),
    ],
    'only validated': [
      put([['retention.ms', '7']], { validateOnly: true }),
      put([['retention.ms', 'many']], { validateOnly: true }),
      look('retention.ms'),
    ],
  }
}

function alikeElsewhere(put: Put): StepsByName {
  return {
    'types that there are not': [0, 1, 3, 64, -1].map((type) => put([['key', 'value']], { type, name: 'name' })),
    'groups and client metrics': [
      put([['consumer.session.timeout.ms', '50000']], { type: GROUP, name: '@g' }),
      lookAt(GROUP, '@g', 'consumer.session.timeout.ms', 'consumer.heartbeat.interval.ms'),
      put([['consumer.session.timeout.ms', '1']], { type: GROUP, name: '@g' }),
      put([['consumer.session.timeout.ms', 'long']], { type: GROUP, name: '@g' }),
      put([['no.such.key', '1']], { type: GROUP, name: '@g' }),
      put([['consumer.session.timeout.ms', '50000']], { type: GROUP, name: '' }),
      put(
        [
          ['metrics', 'org.apache'],
          ['interval.ms', '1000'],
        ],
        { type: CLIENT_METRICS, name: '@m' },
      ),
      lookAt(CLIENT_METRICS, '@m', 'metrics', 'interval.ms', 'match'),
      put([['interval.ms', '99']], { type: CLIENT_METRICS, name: '@m' }),
      put([['interval.ms', '3600001']], { type: CLIENT_METRICS, name: '@m' }),
      put([['match', 'nonsense']], { type: CLIENT_METRICS, name: '@m' }),
      put([['match', 'client_id=[']], { type: CLIENT_METRICS, name: '@m' }),
      put([['match', 'no_such=a']], { type: CLIENT_METRICS, name: '@m' }),
      put([['no.such.key', '1']], { type: CLIENT_METRICS, name: '@m' }),
      put([['interval.ms', '1000']], { type: CLIENT_METRICS, name: '' }),
    ],
    'loggers of other brokers': ['99', 'one', ''].map((name) => put([['root', 'INFO']], { type: BROKER_LOGGER, name })),
  }
}

const COVERS: { readonly [name: string]: readonly string[] } = {
  'values that are wrong': ['13.11', '13.13'],
  'topics that there are not': ['13.13'],
  'other brokers': ['13.12'],
  'settings of a broker that cannot change': ['13.12', '13.15'],
  'types that there are not': ['13.11'],
  'groups and client metrics': ['13.14'],
  'loggers of other brokers': ['13.11'],
  'only validated': ['13.16'],
}

const bothOf = (api: typeof IncrementalAlterConfigs | typeof AlterConfigs, steps: ReturnType<typeof alike>) =>
  Object.entries(steps).map(([name, steps]) => scenario(api, name, { covers: COVERS[name]!, topics: { a: {} }, steps }))

export const INCREMENTAL_ALTER_CONFIGS: readonly Scenario[] = [
  ...bothOf(
    IncrementalAlterConfigs,
    alike((values, text) =>
      change(
        values.map(([key, value]) => [SET, key, value]),
        text,
      ),
    ),
  ),
  scenario(IncrementalAlterConfigs, 'values are set and deleted', {
    covers: ['13.10', '13.13'],
    topics: { a: { configs: { 'retention.ms': '1000' } } },
    steps: [
      change([
        [SET, 'retention.ms', '2000'],
        [SET, 'segment.bytes', '2000000'],
      ]),
      look('retention.ms', 'segment.bytes'),
      change([[DELETE, 'retention.ms', null]]),
      change([[DELETE, 'retention.ms', '5']]),
      change([[DELETE, 'no.such.key', null]]),
      change([[DELETE, 'flush.ms', '']]),
      look('retention.ms', 'segment.bytes'),
      change([]),
      change([[SET, 'retention.ms', ' 3000 ']]),
      look('retention.ms'),
    ],
  }),
  scenario(IncrementalAlterConfigs, 'lists are appended to and subtracted from', {
    covers: ['13.13'],
    topics: { a: {} },
    steps: [
      change([[APPEND, 'cleanup.policy', 'compact']]),
      look('cleanup.policy'),
      change([[APPEND, 'cleanup.policy', 'compact']]),
      change([[SUBTRACT, 'cleanup.policy', 'delete']]),
      look('cleanup.policy'),
      change([[SUBTRACT, 'cleanup.policy', 'delete']]),
      change([[SUBTRACT, 'cleanup.policy', 'compact']]),
      look('cleanup.policy'),
      change([[APPEND, 'follower.replication.throttled.replicas', '0:1,1:1']]),
      change([[APPEND, 'follower.replication.throttled.replicas', '1:1,2:1']]),
      look('follower.replication.throttled.replicas'),
      change([[SUBTRACT, 'follower.replication.throttled.replicas', '0:1,1:1,2:1']]),
      look('follower.replication.throttled.replicas'),
      change([[APPEND, 'cleanup.policy', 'sometimes']]),
      change([[APPEND, 'cleanup.policy', null]]),
      change([[APPEND, 'retention.ms', '1']]),
      change([[SUBTRACT, 'retention.ms', '1']]),
      change([[APPEND, 'no.such.key', '1']]),
    ],
  }),
  scenario(IncrementalAlterConfigs, 'a list that grows too long', {
    covers: ['13.13'],
    topics: { a: {} },
    steps: [
      change([[SET, THROTTLED, replicas(0, 3000)]]),
      change([[APPEND, THROTTLED, replicas(3000, 6000)]]),
      change([[APPEND, THROTTLED, replicas(2900, 3100)]]),
      look(THROTTLED),
    ],
  }),
  scenario(IncrementalAlterConfigs, 'operations that there are not', {
    covers: ['13.11'],
    topics: { a: {} },
    steps: [4, -1, 100].map((operation) => change([[operation, 'retention.ms', '1']])),
  }),
  scenario(IncrementalAlterConfigs, 'a resource twice', {
    covers: ['13.11'],
    topics: { a: {}, b: {} },
    steps: [
      ask(IncrementalAlterConfigs, {
        resources: ['@a', '@b', '@a'].map((resourceName) => ({
          ...{ resourceType: TOPIC, resourceName },
          configs: [{ name: 'retention.ms', configOperation: SET, value: '5' }],
        })),
        validateOnly: false,
      }),
      look('retention.ms'),
      settings({ name: '@b', keys: ['retention.ms'] }),
      ask(IncrementalAlterConfigs, { resources: [], validateOnly: false }),
    ],
  }),
  scenario(IncrementalAlterConfigs, 'settings of a broker and of all', {
    covers: ['13.12'],
    steps: [
      change([[SET, 'log.cleaner.threads', '2']], { type: BROKER, name: '' }),
      lookAt(BROKER, OWN, 'log.cleaner.threads'),
      change([[SET, 'message.max.bytes', '700000']], { type: BROKER, name: OWN }),
      lookAt(BROKER, OWN, 'message.max.bytes'),
      change([[DELETE, 'message.max.bytes', null]], { type: BROKER, name: OWN }),
      change([[DELETE, 'log.cleaner.threads', null]], { type: BROKER, name: '' }),
      lookAt(BROKER, OWN, 'log.cleaner.threads', 'message.max.bytes'),
    ],
  }),
]

export const ALTER_CONFIGS: readonly Scenario[] = [
  ...bothOf(
    AlterConfigs,
    alike((values, text = {}) => replace(values, text)),
  ),
  scenario(AlterConfigs, 'what is not named is removed', {
    covers: ['13.16'],
    topics: { a: { configs: { 'retention.ms': '1000', 'flush.ms': '5' } } },
    steps: [
      replace([
        ['retention.ms', '2000'],
        ['segment.bytes', '2000000'],
      ]),
      look('retention.ms', 'segment.bytes', 'flush.ms'),
      replace([]),
      look('retention.ms', 'segment.bytes', 'flush.ms'),
    ],
  }),
  scenario(AlterConfigs, 'a resource twice', {
    covers: ['13.11'],
    topics: { a: {}, b: {} },
    steps: [
      ask(AlterConfigs, {
        resources: ['@a', '@b', '@a'].map((resourceName) => ({
          ...{ resourceType: TOPIC, resourceName, configs: [{ name: 'retention.ms', value: '5' }] },
        })),
        validateOnly: false,
      }),
      look('retention.ms'),
      settings({ name: '@b', keys: ['retention.ms'] }),
    ],
  }),
]

function replace(
  values: readonly (readonly [string, string | null])[],
  text: { type?: number; name?: string; validateOnly?: boolean } = {},
): AskStep {
  const { type = TOPIC, name = '@a', validateOnly = false } = text
  const configs = values.map(([name, value]) => ({ name, value }))
  return ask(AlterConfigs, { resources: [{ resourceType: type, resourceName: name, configs }], validateOnly })
}
