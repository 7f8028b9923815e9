/**
 * The features whose levels a broker can work at (KIP-584), and what a cluster of several versions goes by: a level is
 * finalized only when every registered broker supports it, and whoever does not support what is finalized does not start.
 * Those of Kafka's parts that are not there yet are not named.
 */
import type { FeaturesImage, MetadataImage } from './image.ts'

export interface SupportedFeature {
  readonly name: string
  readonly minVersion: number
  readonly maxVersion: number
  /** What a new cluster starts with. */
  readonly initialLevel: number
  /** The level that another feature must have for this one to be above 0. */
  readonly needs?: { readonly name: string; readonly level: number }
  /** Levels that came with another form of the metadata: nobody goes back over one of them (KIP-778). */
  readonly metadataChanges?: readonly number[]
}

/** The lowest and the highest level. */
export type FeatureRange = readonly [min: number, max: number]

/**
 * Ottla's own: the forms of the documents in the metadata store (`documents.ts`). 1: those of the time before there was
 * this feature, and of clusters that do not name it. 2: partitions that are being reassigned.
 */
export const METADATA_FEATURE = 'ottla.metadata'
/** Of that feature: partitions may be reassigned. */
export const REASSIGNMENT_LEVEL = 2

export const SUPPORTED_FEATURES: readonly SupportedFeature[] = [
  // KIP-966: a replica that left the in-sync set with all that was acknowledged may lead. Needs 4.0-IV1.
  {
    ...{ name: 'eligible.leader.replicas.version', minVersion: 0, maxVersion: 1, initialLevel: 1 },
    needs: { name: 'metadata.version', level: 23 },
  },
  // 3.3-IV3 to 4.2-IV1, by Kafka's numbers.
  {
    ...{ name: 'metadata.version', minVersion: 7, maxVersion: 29, initialLevel: 29 },
    metadataChanges: [8, 11, 13, 14, 15, 17, 23],
  },
  // KIP-848: consumer groups whose members the coordinator assigns to.
  { name: 'group.version', minVersion: 0, maxVersion: 1, initialLevel: 1 },
  { name: METADATA_FEATURE, minVersion: 1, maxVersion: 2, initialLevel: 2, metadataChanges: [2] },
]

/** What brokers support that do not tell: those of the version before the one that began to. */
const UNTOLD: ReadonlyMap<string, FeatureRange> = new Map([
  ['eligible.leader.replicas.version', [0, 1]],
  ['metadata.version', [7, 29]],
  ['group.version', [0, 1]],
  [METADATA_FEATURE, [1, 1]],
])

/** Thrown where a broker of this version cannot be part of the cluster; the message says what to do. */
export class UnsupportedFeatureError extends Error {
  override readonly name = 'UnsupportedFeatureError'
}

/** In which forms documents may be written. */
export function metadataLevel({ levels }: Pick<FeaturesImage, 'levels'>): number {
  return levels.get(METADATA_FEATURE) ?? 1
}

export function featureRanges(features: readonly SupportedFeature[]): ReadonlyMap<string, FeatureRange> {
  return new Map(features.map(({ name, minVersion, maxVersion }) => [name, [minVersion, maxVersion]]))
}

/** Of a registered broker, in all features that it knows; what it told as another process counts no more. */
export function rangesOf(image: MetadataImage, brokerId: number): ReadonlyMap<string, FeatureRange> {
  const told = image.supports.get(brokerId)
  return told !== undefined && told.incarnation === image.brokers.get(brokerId)?.incarnation ? told.ranges : UNTOLD
}

/** Throws UnsupportedFeatureError where a broker that supports these cannot work at the finalized levels. */
export function checkFinalized({ levels }: FeaturesImage, supported: readonly SupportedFeature[]): void {
  const ranges = featureRanges(supported)
  for (const [name, level] of levels) {
    const range = ranges.get(name)
    if (range !== undefined && range[0] <= level && level <= range[1]) continue
    const known = range === undefined ? 'does not know it' : `supports the levels ${range[0]} to ${range[1]}`
    throw new UnsupportedFeatureError(
      `Cannot be part of this cluster: its feature ${name} is at level ${level}, and this version of Ottla ${known}. ` +
        'Start a version that supports that level.',
    )
  }
}
