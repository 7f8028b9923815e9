/** DescribeConfigs (32): settings of every type of resource, with where each comes from. */
import { DescribeConfigs } from '@ottla/protocol/apis/32-describe-configs.ts'
import { IncrementalAlterConfigs } from '@ottla/protocol/apis/44-incremental-alter-configs.ts'
import type { RequestInputOf } from '@ottla/protocol/codec.ts'
import { NODE_ID } from '../profiles.ts'
import { BROKER, TOPIC } from '../requests-of-clients.ts'
import { type AskStep, ask, type Scenario, scenario } from '../scenario.ts'

type Request = RequestInputOf<typeof DescribeConfigs>

const BROKER_LOGGER = 8
const CLIENT_METRICS = 16
const GROUP = 32
const OWN = String(NODE_ID)

const describe = (
  resource: { type: number; name: string; keys?: readonly string[] | null },
  request: Partial<Request> = {},
): AskStep => {
  const { type, name, keys = null } = resource
  const resources = [{ resourceType: type, resourceName: name, configurationKeys: keys === null ? null : [...keys] }]
  return ask(DescribeConfigs, { resources, includeSynonyms: true, ...request })
}

const set = (resource: { type: number; name: string }, values: { readonly [key: string]: string | null }): AskStep =>
  ask(IncrementalAlterConfigs, {
    resources: [
      {
        ...{ resourceType: resource.type, resourceName: resource.name },
        configs: Object.entries(values).map(([name, value]) => ({
          ...{ name, value, configOperation: value === null ? 1 : 0 },
        })),
      },
    ],
    validateOnly: false,
  })

export const DESCRIBE_CONFIGS: readonly Scenario[] = [
  scenario(DescribeConfigs, 'all settings of a topic', {
    covers: ['13.17', '13.18', '13.19'],
    topics: { a: { configs: { 'retention.ms': '1000', 'cleanup.policy': 'delete', 'compression.type': 'zstd' } } },
    steps: [
      describe({ type: TOPIC, name: '@a' }),
      describe({ type: TOPIC, name: '@a' }, { includeSynonyms: false }),
      describe({ type: TOPIC, name: '@a' }, { includeDocumentation: true, includeSynonyms: false }),
      describe({ type: TOPIC, name: '@a', keys: [] }, { includeSynonyms: false }),
    ],
  }),
  scenario(DescribeConfigs, 'some settings of a topic', {
    covers: ['13.17'],
    topics: { a: {} },
    steps: [
      describe({ type: TOPIC, name: '@a', keys: ['retention.ms'] }),
      describe({ type: TOPIC, name: '@a', keys: ['retention.ms', 'no.such.key', 'retention.ms'] }),
      describe({ type: TOPIC, name: '@a', keys: ['no.such.key'] }),
      describe({ type: TOPIC, name: '@a', keys: [''] }),
      describe({ type: TOPIC, name: '@a', keys: ['follower.replication.throttled.replicas', 'remote.storage.enable'] }),
    ],
  }),
  scenario(DescribeConfigs, 'topics that there are not', {
    covers: ['13.17'],
    steps: ['@missing', 'not a name', '', '.'].map((name) => describe({ type: TOPIC, name })),
  }),
  scenario(DescribeConfigs, 'all settings of a broker', {
    covers: ['13.17', '13.18', '13.19'],
    steps: [
      describe({ type: BROKER, name: OWN }),
      describe({ type: BROKER, name: OWN }, { includeDocumentation: true, includeSynonyms: false }),
    ],
  }),
  scenario(DescribeConfigs, 'all settings of a broker whose file says more', {
    covers: ['13.18'],
    profile: 'strict',
    versions: [4, 4],
    steps: [describe({ type: BROKER, name: OWN })],
  }),
  scenario(DescribeConfigs, 'other brokers, and all', {
    covers: ['13.17'],
    steps: ['', '99', 'one', '-1'].map((name) => describe({ type: BROKER, name })),
  }),
  scenario(DescribeConfigs, 'dynamic settings of the cluster and of a broker', {
    covers: ['13.17', '13.18'],
    topics: { a: {} },
    steps: [
      set({ type: BROKER, name: '' }, { 'log.retention.ms': '500000', 'message.max.bytes': '900000' }),
      set({ type: BROKER, name: OWN }, { 'message.max.bytes': '800000' }),
      describe({ type: BROKER, name: '' }),
      describe({ type: BROKER, name: OWN, keys: ['log.retention.ms', 'message.max.bytes'] }),
      describe({ type: TOPIC, name: '@a', keys: ['retention.ms', 'max.message.bytes'] }),
      set({ type: TOPIC, name: '@a' }, { 'retention.ms': '400000' }),
      describe({ type: TOPIC, name: '@a', keys: ['retention.ms', 'max.message.bytes'] }),
      set({ type: BROKER, name: '' }, { 'log.retention.ms': null, 'message.max.bytes': null }),
      set({ type: BROKER, name: OWN }, { 'message.max.bytes': null }),
      describe({ type: BROKER, name: '' }),
      describe({ type: TOPIC, name: '@a', keys: ['retention.ms', 'max.message.bytes'] }),
    ],
  }),
  scenario(DescribeConfigs, 'groups', {
    covers: ['13.17'],
    steps: ['@g', ''].map((name) => describe({ type: GROUP, name })),
  }),
  scenario(DescribeConfigs, 'client metrics', {
    covers: ['13.17'],
    steps: ['@m', ''].map((name) => describe({ type: CLIENT_METRICS, name })),
  }),
  scenario(DescribeConfigs, 'loggers of other brokers', {
    covers: ['13.17'],
    steps: ['', '99', 'one'].map((name) => describe({ type: BROKER_LOGGER, name })),
  }),
  scenario(DescribeConfigs, 'types that there are not', {
    covers: ['13.17'],
    topics: { a: {} },
    steps: [
      ...[0, 1, 3, 64, -1].map((type) => describe({ type, name: 'name' })),
      ask(DescribeConfigs, {
        resources: [TOPIC, 3].map((resourceType) => ({
          resourceType,
          resourceName: '@a',
          configurationKeys: ['retention.ms'],
        })),
      }),
    ],
  }),
  scenario(DescribeConfigs, 'several resources at once, and one twice', {
    covers: ['13.17'],
    topics: { a: {}, b: {} },
    steps: [
      ask(DescribeConfigs, {
        resources: ['@a', '@missing', '@b', '@a'].map((resourceName) => ({
          ...{ resourceType: TOPIC, resourceName, configurationKeys: ['retention.ms'] },
        })),
      }),
      ask(DescribeConfigs, { resources: [] }),
    ],
  }),
]
