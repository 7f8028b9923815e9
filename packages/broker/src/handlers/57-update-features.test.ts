import assert from 'node:assert/strict'
import { test } from 'node:test'
import { UpdateFeatures } from '@ottla/protocol/apis/57-update-features.ts'
import { errorName } from '@ottla/protocol/errors.ts'
import { encodeFeatures, FEATURES_KEY } from '../metadata/documents.ts'
import { type OneBroker, oneBroker } from '../metadata/one-broker.ts'
import { updateFeatures } from './57-update-features.ts'
import { call, type Denied } from './admin-harness.ts'

const [UNKNOWN, UPGRADE, SAFE_DOWNGRADE, UNSAFE_DOWNGRADE] = [0, 1, 2, 3]
const ELR = 'eligible.leader.replicas.version'

type Level = readonly [feature: string, level: number, upgradeType?: number]

async function ask(
  broker: OneBroker,
  levels: readonly Level[],
  options: { version?: number; validateOnly?: boolean; denied?: Denied } = {},
) {
  const { version = 2, validateOnly = false, denied = [] } = options
  const featureUpdates = levels.map(([feature, maxVersionLevel, upgradeType = UPGRADE]) => ({
    ...{ feature, maxVersionLevel },
    ...(version === 0 ? { allowDowngrade: upgradeType !== UPGRADE } : { upgradeType }),
  }))
  const request = { featureUpdates, ...(version === 0 ? {} : { validateOnly }) }
  return await call(UpdateFeatures, updateFeatures({ controller: broker.client }), { version, request, denied })
}

async function errorOf(...asked: Parameters<typeof ask>): Promise<string> {
  return errorName((await ask(...asked)).errorCode)
}

/** A broker of a cluster that was formatted with these levels. */
async function formatted(levels: { readonly [name: string]: number }): Promise<OneBroker> {
  const broker = await oneBroker()
  const value = encodeFeatures(new Map(Object.entries(levels)))
  const outcome = await broker.store.commit({ ifRevision: [], puts: [{ key: FEATURES_KEY, value }], deletes: [] })
  assert.ok(outcome.type === 'committed')
  await broker.follower.reached(outcome.revision)
  return broker
}

const levelsOf = (broker: OneBroker) => Object.fromEntries(broker.image().features.levels)

for (const version of [0, 1, 2]) {
  test(`version ${version} raises a cluster that was formatted before its features existed`, async () => {
    await using broker = await formatted({ 'metadata.version': 29 })
    const { epoch } = broker.image().features
    const updates = [['group.version', 1] as const, [ELR, 1] as const]
    const { errorCode, errorMessage, results } = await ask(broker, updates, { version })
    assert.deepEqual([errorCode, errorMessage], [0, null])
    const named = results.map(({ feature, errorCode }) => [feature, errorCode])
    assert.deepEqual(
      named,
      version <= 1
        ? [
            ['group.version', 0],
            [ELR, 0],
          ]
        : [],
    )
    assert.deepEqual(levelsOf(broker), { 'metadata.version': 29, 'group.version': 1, [ELR]: 1 })
    assert.ok(broker.image().features.epoch > epoch)
  })
}

test('a feature is switched off only by a downgrade, and is not kept then', async () => {
  for (const type of [SAFE_DOWNGRADE, UNSAFE_DOWNGRADE]) {
    await using broker = await oneBroker()
    assert.equal(await errorOf(broker, [['group.version', 0]]), 'INVALID_UPDATE_VERSION')
    assert.equal(await errorOf(broker, [['group.version', 0, type]]), 'NONE')
    assert.deepEqual(levelsOf(broker), { 'metadata.version': 29, 'ottla.metadata': 2, [ELR]: 1 })
    assert.equal(await errorOf(broker, [['group.version', 1, type]]), 'INVALID_UPDATE_VERSION')
    assert.equal(await errorOf(broker, [['group.version', 1]]), 'NONE')
  }
})

test('version 0 cannot lower, as in Kafka', async () => {
  await using broker = await oneBroker()
  const asked = errorOf(broker, [['group.version', 0, SAFE_DOWNGRADE]], { version: 0 })
  assert.equal(await asked, 'INVALID_UPDATE_VERSION')
})

const REFUSED: readonly Level[] = [
  ['no.such.feature', 1],
  ['no.such.feature', 0, SAFE_DOWNGRADE],
  ['kraft.version', 0, SAFE_DOWNGRADE],
  ['group.version', 2],
  ['group.version', -1, SAFE_DOWNGRADE],
  ['group.version', 1, UNKNOWN],
  ['group.version', 1, 4],
  ['group.version', 1, -1],
  ['metadata.version', 30],
  ['metadata.version', 6, UNSAFE_DOWNGRADE],
  ['metadata.version', 22, SAFE_DOWNGRADE],
  ['metadata.version', 22, UNSAFE_DOWNGRADE],
  ['ottla.metadata', 3],
  ['ottla.metadata', 1, SAFE_DOWNGRADE],
  ['ottla.metadata', 1, UNSAFE_DOWNGRADE],
]

for (const refused of REFUSED) {
  test(`${refused.join(' ')} is refused, and with it what else was asked for`, async () => {
    await using broker = await oneBroker()
    const { features } = broker.image()
    const { errorCode, errorMessage, results } = await ask(broker, [[ELR, 0, SAFE_DOWNGRADE], refused], { version: 1 })
    assert.equal(errorName(errorCode), 'INVALID_UPDATE_VERSION')
    assert.ok(errorMessage!.includes(`${refused[0]} to level ${refused[1]}`))
    assert.deepEqual([results, broker.image().features], [[], features])
  })
}

test('a need is met by what the same request raises', async () => {
  await using broker = await formatted({ 'metadata.version': 22 })
  assert.equal(await errorOf(broker, [[ELR, 1]]), 'INVALID_UPDATE_VERSION')
  assert.equal(
    await errorOf(broker, [
      [ELR, 1],
      ['metadata.version', 23],
    ]),
    'NONE',
  )
  assert.deepEqual(levelsOf(broker), { 'metadata.version': 23, [ELR]: 1 })
})

test('of two levels for one feature the last counts', async () => {
  await using broker = await oneBroker()
  const [good, bad]: Level[] = [
    ['group.version', 1],
    ['group.version', 5],
  ]
  assert.equal(await errorOf(broker, [bad!, good!]), 'NONE')
  assert.equal(await errorOf(broker, [good!, bad!]), 'INVALID_UPDATE_VERSION')
})

test('what is as it should be is not written, nor is what is only checked or not allowed', async () => {
  await using broker = await oneBroker()
  const { revision } = broker.image()
  const off: readonly Level[] = [['group.version', 0, SAFE_DOWNGRADE]]
  assert.equal(await errorOf(broker, [['group.version', 1, SAFE_DOWNGRADE]]), 'NONE')
  assert.equal(await errorOf(broker, []), 'NONE')
  assert.equal(await errorOf(broker, off, { validateOnly: true }), 'NONE')
  assert.equal(await errorOf(broker, [['group.version', 2]], { validateOnly: true }), 'INVALID_UPDATE_VERSION')
  const denied: Denied = [['alter', 'cluster', 'kafka-cluster']]
  assert.equal(await errorOf(broker, off, { denied }), 'CLUSTER_AUTHORIZATION_FAILED')
  assert.equal(broker.image().revision, revision)
})
