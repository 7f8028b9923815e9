/** ApiVersions (18), FindCoordinator (10) and InitProducerId (22). */
import { FindCoordinator } from '@ottla/protocol/apis/10-find-coordinator.ts'
import { ApiVersions } from '@ottla/protocol/apis/18-api-versions.ts'
import { InitProducerId } from '@ottla/protocol/apis/22-init-producer-id.ts'
import type { RequestInputOf } from '@ottla/protocol/codec.ts'
import { encodeRequest } from '@ottla/protocol/frame.ts'
import { newProducer } from '../requests-of-clients.ts'
import { type AskStep, ask, raw, type Scenario, scenario } from '../scenario.ts'

const software = (clientSoftwareName: string, clientSoftwareVersion: string): AskStep =>
  ask(ApiVersions, { clientSoftwareName, clientSoftwareVersion })

/** A request that says version `version` and is laid out as the newest one that there is. */
function ofVersion(version: number): Buffer {
  const header = { correlationId: 77, clientId: 'oracle' }
  const request = { clientSoftwareName: 'oracle', clientSoftwareVersion: '1' }
  const bytes = Buffer.concat(encodeRequest(ApiVersions, ApiVersions.versions[1], header, request))
  bytes.writeInt16BE(version, 6)
  return bytes
}

export const API_VERSIONS: readonly Scenario[] = [
  scenario(ApiVersions, 'what the broker speaks', {
    covers: ['1.2', '1.3', '1.4', '1.5', '1.6'],
    steps: [software('oracle', '1.0'), software('oracle', '1.0')],
  }),
  scenario(ApiVersions, 'names and versions of software', {
    covers: ['1.1'],
    versions: [3, 4],
    steps: [
      ...['', ' ', '-a', 'a-', 'a b', 'a', 'a.b-c', 'a_b', 'é', 'x'.repeat(300)].map((name) => software(name, '1')),
      ...['', ' ', '-1', '1.', '1.0-rc1', '1_0'].map((version) => software('oracle', version)),
    ],
  }),
  scenario(ApiVersions, 'versions that do not exist are answered in version 0', {
    covers: ['1.1'],
    versions: [0, 0],
    steps: [5, 6, 127, 32767].map((version) => raw(ofVersion(version), { replies: [{ api: ApiVersions, version }] })),
  }),
  scenario(ApiVersions, 'negative versions', {
    covers: ['1.1'],
    versions: [0, 0],
    steps: [-1, -32768].map((version) => raw(ofVersion(version))),
  }),
  scenario(ApiVersions, 'unstable versions, where they are enabled', {
    covers: ['1.2'],
    profile: 'strict',
    steps: [software('oracle', '1.0')],
  }),
]

const coordinator = (request: Partial<RequestInputOf<typeof FindCoordinator>> & { key: string }): AskStep =>
  ask(FindCoordinator, ({ version }) => ({
    ...request,
    ...(version >= 4 ? { key: undefined as never, coordinatorKeys: request.coordinatorKeys ?? [request.key] } : {}),
  }))

export const FIND_COORDINATOR: readonly Scenario[] = [
  scenario(FindCoordinator, 'types of keys that there are not', {
    covers: ['3.1'],
    versions: [1, 6],
    steps: [3, -1, 100].map((keyType) => coordinator({ key: 'key', keyType })),
  }),
  scenario(FindCoordinator, 'keys of share groups', {
    covers: ['3.1'],
    versions: [1, 6],
    steps: ['key', '', 'g:b3R0bGFfdW5rbm93bl9pZA:x', ':b3R0bGFfdW5rbm93bl9pZA:0', 'g:short:0'].map((key) =>
      coordinator({ key, keyType: 2 }),
    ),
  }),
  scenario(FindCoordinator, 'groups', { covers: ['3.2', '3.3'], steps: [coordinator({ key: 'group' })] }),
  scenario(FindCoordinator, 'ids of groups that are strange', {
    covers: ['3.1', '3.3'],
    steps: ['', ' ', 'x'.repeat(300), 'é:€', '__consumer_offsets'].map((key) => coordinator({ key })),
  }),
  scenario(FindCoordinator, 'several groups', {
    covers: ['3.1', '3.3'],
    versions: [4, 6],
    steps: [
      coordinator({ key: '', coordinatorKeys: ['one', 'two', 'three'] }),
      coordinator({ key: '', coordinatorKeys: ['one', '', 'one'] }),
    ],
  }),
  scenario(FindCoordinator, 'no keys', {
    covers: ['3.1'],
    versions: [4, 6],
    steps: [coordinator({ key: '', coordinatorKeys: [] }), coordinator({ key: '', coordinatorKeys: [], keyType: 9 })],
  }),
]

const producer = (request: Partial<RequestInputOf<typeof InitProducerId>>): AskStep =>
  ask(InitProducerId, { transactionalId: null, transactionTimeoutMs: 60_000, ...request })

export const INIT_PRODUCER_ID: readonly Scenario[] = [
  scenario(InitProducerId, 'every idempotent producer has an id of its own', {
    covers: ['12.1', '12.2', '12.8'],
    steps: [
      newProducer(),
      newProducer(),
      producer({ transactionTimeoutMs: 0 }),
      producer({ transactionTimeoutMs: -1 }),
    ],
  }),
  scenario(InitProducerId, 'an empty transactional id', {
    covers: ['12.2'],
    steps: [producer({ transactionalId: '' })],
  }),
  scenario(InitProducerId, 'an id without an epoch, and an epoch without an id', {
    covers: ['12.2'],
    versions: [3, 5],
    steps: [
      producer({ producerId: 4, producerEpoch: -1 }),
      producer({ producerId: -1, producerEpoch: 4 }),
      producer({ producerId: 4, producerEpoch: 4 }),
      producer({ producerId: -2, producerEpoch: -2 }),
      producer({ producerId: 4, producerEpoch: -1, transactionalId: '' }),
    ],
  }),
  scenario(InitProducerId, 'transactions', {
    covers: ['12.2', '12.7'],
    steps: [producer({ transactionalId: '@t' })],
  }),
  scenario(InitProducerId, 'transaction timeouts', {
    covers: ['12.2'],
    versions: [5, 5],
    steps: [0, -1, 900_001].map((transactionTimeoutMs) => producer({ transactionalId: '@t', transactionTimeoutMs })),
  }),
  scenario(InitProducerId, 'two-phase commit, where unstable versions are enabled', {
    covers: ['12.2'],
    profile: 'strict',
    versions: [6, 6],
    steps: [
      newProducer(),
      producer({ enable2Pc: true }),
      producer({ keepPreparedTxn: true }),
      producer({ transactionalId: '@t', enable2Pc: true }),
      producer({ transactionalId: '@t', keepPreparedTxn: true }),
    ],
  }),
]
