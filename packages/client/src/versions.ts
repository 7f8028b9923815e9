/**
 * Owns the agreement on versions (KIP-35, KIP-511): the first exchange on a connection, and the choice of a version
 * for each request afterwards.
 */

import { ApiVersions } from '@ottla/protocol/apis/18-api-versions.ts'
import type { AnyApi, ResponseOf } from '@ottla/protocol/codec.ts'
import { errorCode, errorName } from '@ottla/protocol/errors.ts'
import type { BrokerConnection } from './connection.ts'
import { BrokenProtocolError, UnsupportedVersionError } from './errors.ts'

export const CLIENT_SOFTWARE_NAME = 'ottla-client'
export const CLIENT_SOFTWARE_VERSION = '0.1.0'

const UNSUPPORTED_VERSION = errorCode('UNSUPPORTED_VERSION')
/** A broker that refuses the version it has just named itself is asked no third time. */
const ATTEMPTS_MAX = 2

/** What a broker speaks: for each API its lowest and highest version. */
export class ApiVersionTable {
  static readonly unknown = new ApiVersionTable(new Map(), new Map())

  readonly #ranges: ReadonlyMap<number, readonly [min: number, max: number]>
  /** Finalized levels by feature name. */
  readonly features: ReadonlyMap<string, number>

  constructor(ranges: ReadonlyMap<number, readonly [min: number, max: number]>, features: ReadonlyMap<string, number>) {
    this.#ranges = ranges
    this.features = features
  }

  /** The highest version that both sides speak within the bounds. Throws UnsupportedVersionError. */
  choose(api: AnyApi, bounds: { versionMin?: number; versionMax?: number; address: string }): number {
    const range = this.#ranges.get(api.key)
    if (range === undefined)
      throw new UnsupportedVersionError(`The broker at ${bounds.address} does not know ${api.name}`)
    const ourMax = api.unstableLast ? api.versions[1] - 1 : api.versions[1]
    const min = Math.max(range[0], api.versions[0], bounds.versionMin ?? 0)
    const max = Math.min(range[1], ourMax, bounds.versionMax ?? ourMax)
    if (min <= max) return max
    const ours = `${Math.max(api.versions[0], bounds.versionMin ?? 0)} to ${Math.min(ourMax, bounds.versionMax ?? ourMax)}`
    const theirs = `${range[0]} to ${range[1]}`
    throw new UnsupportedVersionError(
      `Cannot agree on a version of ${api.name} with ${bounds.address}: it speaks ${theirs}, this client needs ${ours}`,
    )
  }
}

/**
 * Asks with the newest version that we know; a broker that does not know it answers in version 0, naming the one that
 * it does, and is asked again.
 */
export async function negotiateVersions(
  connection: BrokerConnection,
  options: { timeoutMs: number; signal?: AbortSignal },
): Promise<ApiVersionTable> {
  let version = ApiVersions.versions[1]
  for (let attempt = 1; ; attempt++) {
    const answer = await connection.requestAt(ApiVersions, version, { ...options, value: softwareAt(version) })
    if (answer.errorCode === 0) return tableOf(answer)
    if (answer.errorCode !== UNSUPPORTED_VERSION || attempt === ATTEMPTS_MAX) {
      throw new BrokenProtocolError(
        `Cannot agree on versions with ${connection.address}: ${errorName(answer.errorCode)}`,
      )
    }
    const named = answer.apiKeys.find((range) => range.apiKey === ApiVersions.key)
    version = Math.min(ApiVersions.versions[1], Math.max(0, named?.maxVersion ?? 0))
  }
}

/** A refused version is answered in version 0, whatever was asked in (KIP-511): the error lies behind the correlation id. */
export function answerVersion(asked: { readonly api: AnyApi; readonly version: number }, frame: Buffer): number {
  const isRefusal =
    asked.api.key === ApiVersions.key && frame.length >= 6 && frame.readInt16BE(4) === UNSUPPORTED_VERSION
  return isRefusal ? 0 : asked.version
}

function softwareAt(version: number) {
  if (version < 3) return {}
  return { clientSoftwareName: CLIENT_SOFTWARE_NAME, clientSoftwareVersion: CLIENT_SOFTWARE_VERSION }
}

function tableOf(answer: ResponseOf<typeof ApiVersions>): ApiVersionTable {
  const ranges = new Map(answer.apiKeys.map((range) => [range.apiKey, [range.minVersion, range.maxVersion] as const]))
  const features = new Map(answer.finalizedFeatures.map((feature) => [feature.name, feature.maxVersionLevel]))
  return new ApiVersionTable(ranges, features)
}
