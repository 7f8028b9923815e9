/** The features whose levels this broker can work at (KIP-584); those of parts that are not there yet are not named. */
export interface SupportedFeature {
  readonly name: string
  readonly minVersion: number
  readonly maxVersion: number
  /** What a new cluster starts with. */
  readonly initialLevel: number
  /** The level that another feature must have for this one to be above 0. */
  readonly needs?: { readonly name: string; readonly level: number }
  /** Levels that came with another form of Kafka's metadata: nobody goes back over one of them (KIP-778). */
  readonly metadataChanges?: readonly number[]
}

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
]
