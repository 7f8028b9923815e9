/** The features whose levels this broker can work at (KIP-584); those of parts that are not there yet are not named. */
export interface SupportedFeature {
  readonly name: string
  readonly minVersion: number
  readonly maxVersion: number
  /** What a new cluster starts with. */
  readonly initialLevel: number
}

export const SUPPORTED_FEATURES: readonly SupportedFeature[] = [
  // KIP-966: a replica that left the in-sync set with all that was acknowledged may lead.
  { name: 'eligible.leader.replicas.version', minVersion: 0, maxVersion: 1, initialLevel: 1 },
  // 3.3-IV3 to 4.2-IV1, by Kafka's numbers.
  { name: 'metadata.version', minVersion: 7, maxVersion: 29, initialLevel: 29 },
  // KIP-848: consumer groups whose members the coordinator assigns to.
  { name: 'group.version', minVersion: 0, maxVersion: 1, initialLevel: 1 },
]
