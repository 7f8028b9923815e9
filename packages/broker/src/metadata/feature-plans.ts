/**
 * Changes of finalized feature levels (KIP-584, KIP-778): all that a request names, or none of it. Pure; checks in
 * Kafka's order, each of which is INVALID_UPDATE_VERSION. A level must be supported by the controller and by every
 * registered broker, also by one that is stopped: it could not come back.
 */
import { ProtocolError } from '@ottla/protocol/errors.ts'
import type { FeatureUpdate } from './controller-client.ts'
import { encodeFeatures, FEATURES_KEY } from './documents.ts'
import { rangesOf, type SupportedFeature } from './features.ts'
import type { MetadataImage } from './image.ts'
import { attempt, type Plan } from './plan.ts'

type Levels = ReadonlyMap<string, number>

/** Of updates that name one feature the last counts. A feature at level 0 is not kept. */
export function planUpdateFeatures(
  image: MetadataImage,
  updates: readonly FeatureUpdate[],
  supported: readonly SupportedFeature[],
): Plan<null> | ProtocolError {
  return attempt(() => {
    const { levels, epoch } = image.features
    const wanted = new Map(updates.map((update) => [update.name, update]))
    const proposed = new Map(levels)
    for (const { name, level } of wanted.values()) proposed.set(name, level)
    for (const update of wanted.values()) {
      const feature = supported.find(({ name }) => name === update.name)
      const problem = problemOf(update, { image, feature, proposed })
      if (problem !== null) throw refusal(update, problem)
    }
    const next = new Map([...proposed].filter(([, level]) => level > 0))
    if (sameLevels(next, levels)) return { sets: [], success: null }
    const ifRevision = [{ key: FEATURES_KEY, revision: Math.max(epoch, 0) }]
    return {
      sets: [{ ifRevision, puts: [{ key: FEATURES_KEY, value: encodeFeatures(next) }], deletes: [] }],
      success: null,
    }
  })
}

function refusal({ name, level }: FeatureUpdate, problem: string): ProtocolError {
  return new ProtocolError('INVALID_UPDATE_VERSION', `Cannot set feature ${name} to level ${level}: ${problem}`)
}

interface Proposal {
  readonly image: MetadataImage
  /** Undefined: the controller does not know it. */
  readonly feature: SupportedFeature | undefined
  readonly proposed: Levels
}

function problemOf({ name, level, direction }: FeatureUpdate, { image, feature, proposed }: Proposal): string | null {
  if (direction === 'unknown') return 'the type of the upgrade is not known'
  if (level < 0) return 'a level cannot be below 0'
  if (feature === undefined) return 'the feature is not supported'
  const { minVersion, maxVersion } = feature
  if (level < minVersion || level > maxVersion) return `the supported levels are ${minVersion} to ${maxVersion}`
  const unable = unableBroker(image, name, level)
  if (unable !== null) return unable
  const current = image.features.levels.get(name) ?? 0
  if (level < current && direction === 'upgrade') return `it is at ${current}, and a downgrade was not asked for`
  if (level > current && direction !== 'upgrade') return `it is at ${current}, and a downgrade was asked for`
  return lossyDowngrade(feature, level, current) ?? unmetNeed(feature, level, proposed)
}

/** A level of 0 is what a broker works at that does not know the feature. */
function unableBroker(image: MetadataImage, name: string, level: number): string | null {
  for (const id of image.brokers.keys()) {
    const [min, max] = rangesOf(image, id).get(name) ?? [0, 0]
    if (level < min || level > max) return `broker ${id} supports only ${min === max ? min : `${min} to ${max}`}`
  }
  return null
}

/** Kafka refuses it whether it was asked to be safe or not. */
function lossyDowngrade({ metadataChanges = [] }: SupportedFeature, level: number, current: number): string | null {
  const crossed = metadataChanges.find((change) => level < change && change <= current)
  return crossed === undefined ? null : `metadata may be in the form that came with level ${crossed}`
}

function unmetNeed({ needs }: SupportedFeature, level: number, proposed: Levels): string | null {
  if (needs === undefined || level === 0 || (proposed.get(needs.name) ?? 0) >= needs.level) return null
  return `it needs ${needs.name} at level ${needs.level}`
}

function sameLevels(a: Levels, b: Levels): boolean {
  return a.size === b.size && [...a].every(([name, level]) => b.get(name) === level)
}
