/** Owns the feature levels of a cluster (KIP-584): what it works at, and raising and lowering it. */
import { UpdateFeatures } from '@ottla/protocol/apis/57-update-features.ts'
import type { Client } from '../client.ts'
import { type AdminOptions, ask, errorOf } from './call.ts'

export interface FeatureUpdate {
  readonly name: string
  /** 0 switches the feature off. */
  readonly level: number
  /** `upgrade` when left out; `unsafe downgrade` may lose metadata. */
  readonly direction?: 'upgrade' | 'safe downgrade' | 'unsafe downgrade'
}

const UPGRADE_TYPES = { upgrade: 1, 'safe downgrade': 2, 'unsafe downgrade': 3 } as const
/** Before, a downgrade cannot be asked for. */
const DOWNGRADES_FROM = 1

/** All of them or none. Rejects with ProtocolError INVALID_UPDATE_VERSION, which names the broker that cannot. */
export async function updateFeatures(
  client: Client,
  updates: readonly FeatureUpdate[],
  options: AdminOptions & { readonly validateOnly?: boolean } = {},
): Promise<void> {
  const featureUpdates = updates.map(({ name, level, direction = 'upgrade' }) => ({
    ...{ feature: name, maxVersionLevel: level, upgradeType: UPGRADE_TYPES[direction] },
  }))
  const request = { featureUpdates, validateOnly: options.validateOnly ?? false }
  const call = { api: UpdateFeatures, request, reads: false, versionMin: DOWNGRADES_FROM }
  const answer = await ask(client, call, options)
  const error = errorOf('update the features', answer.errorCode, answer.errorMessage)
  if (error !== null) throw error
}
