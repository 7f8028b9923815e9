import assert from 'node:assert/strict'
import { test } from 'node:test'
import { applyRevision } from './changes.ts'
import { DocumentError, encodeFeatures, encodeSupports, FEATURES_KEY, supportsKey } from './documents.ts'
import { planUpdateFeatures } from './feature-plans.ts'
import {
  checkFinalized,
  featureRanges,
  METADATA_FEATURE,
  rangesOf,
  SUPPORTED_FEATURES,
  UnsupportedFeatureError,
} from './features.ts'
import type { MetadataImage } from './image.ts'
import { plaintext } from './one-broker.ts'
import { clusterImage } from './plan-image.ts'

const levels = (entries: { readonly [name: string]: number }) => ({
  levels: new Map(Object.entries(entries)),
  epoch: 1,
})
const HIGHEST = Object.fromEntries(SUPPORTED_FEATURES.map(({ name, maxVersion }) => [name, maxVersion]))

test('levels within what is supported are worked at, any other level or feature is refused by name', () => {
  checkFinalized(levels({}), SUPPORTED_FEATURES)
  checkFinalized(levels(HIGHEST), SUPPORTED_FEATURES)
  for (const refused of [{ [METADATA_FEATURE]: 3 }, { 'metadata.version': 6 }, { 'of.the.future': 1 }]) {
    const [[name, level]] = Object.entries(refused) as [[string, number]]
    assert.throws(
      () => checkFinalized(levels({ ...HIGHEST, ...refused }), SUPPORTED_FEATURES),
      (error) => error instanceof UnsupportedFeatureError && error.message.includes(`${name} is at level ${level}`),
    )
  }
})

test('what a broker supports is what this process of it has told, or what the version before did', () => {
  const ranges = new Map([...featureRanges(SUPPORTED_FEATURES), [METADATA_FEATURE, [1, 7]] as const])
  const tell = (incarnation: string): MetadataImage =>
    applyRevision(clusterImage([{}]), 21, [
      { key: supportsKey(2), value: encodeSupports({ incarnation, ranges }), revision: 21 },
    ])
  assert.deepEqual(rangesOf(tell(plaintext(2).incarnation), 2).get(METADATA_FEATURE), [1, 7])
  assert.deepEqual(rangesOf(tell('another'), 2).get(METADATA_FEATURE), [1, 1])
  assert.deepEqual(rangesOf(tell('another'), 1).get(METADATA_FEATURE), [1, 1])
})

test('a feature that a broker has not told of is not raised', () => {
  const ranges = new Map([...featureRanges(SUPPORTED_FEATURES)].filter(([name]) => name !== 'group.version'))
  const changes = [1, 2, 3].map((id) => {
    const told = id === 2 ? ranges : featureRanges(SUPPORTED_FEATURES)
    const value = encodeSupports({ incarnation: plaintext(id).incarnation, ranges: told })
    return { key: supportsKey(id), value, revision: 21 }
  })
  const image = applyRevision(clusterImage([{}]), 21, changes)
  const update = { name: 'group.version', level: 1, direction: 'upgrade' } as const
  assert.match(String(planUpdateFeatures(image, [update], SUPPORTED_FEATURES)), /broker 2 supports only 0/)
  const other = { name: METADATA_FEATURE, level: 2, direction: 'upgrade' } as const
  assert.ok('sets' in planUpdateFeatures(image, [other], SUPPORTED_FEATURES))
})

test('levels of a later form keep out versions that do not look at levels, and a form that is later still keeps out this one', () => {
  const before = encodeFeatures(new Map([['metadata.version', 29]]))
  assert.equal(JSON.parse(before).v, 1)
  assert.equal(JSON.parse(encodeFeatures(new Map([[METADATA_FEATURE, 1]]))).v, 1)
  assert.equal(JSON.parse(encodeFeatures(new Map([[METADATA_FEATURE, 2]]))).v, 2)
  const later = [{ key: FEATURES_KEY, value: '{"v":3,"levels":{}}', revision: 21 }]
  assert.throws(() => applyRevision(clusterImage([{}]), 21, later), DocumentError)
})
