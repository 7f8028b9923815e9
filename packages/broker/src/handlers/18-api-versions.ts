/**
 * ApiVersions (18): what this broker speaks. Versions come from the tables, so only what is served is told.
 *
 * A version that the broker does not know is answered as version 0 with UNSUPPORTED_VERSION and the range of this API
 * alone (KIP-511); `handlers/index` does so before anything else is parsed.
 */
import type { ApiVersions } from '@ottla/protocol/apis/18-api-versions.ts'
import type { RequestOf, ResponseInputOf, VersionRange } from '@ottla/protocol/codec.ts'
import { errorCode } from '@ottla/protocol/errors.ts'
import { answered, type Handler } from './context.ts'
import type { BrokerParts } from './parts.ts'

type Request = RequestOf<typeof ApiVersions>
type Response = ResponseInputOf<typeof ApiVersions>

/** Kafka's pattern for the software's name and version. */
const SOFTWARE = /^[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?$/
/** Before version 4 a feature that may be at level 0 cannot be told (KIP-584). */
const ZERO_LEVELS_FROM = 4
const API_VERSIONS_KEY = 18

export interface AdvertisedApi {
  readonly key: number
  readonly versions: VersionRange
}

export function apiVersions(
  parts: Pick<BrokerParts, 'image' | 'features'>,
  advertised: () => readonly AdvertisedApi[],
): Handler<Request, Response> {
  return (context, request) => {
    if (context.apiVersion >= 3) {
      const { clientSoftwareName: name, clientSoftwareVersion: version } = request
      if (!SOFTWARE.test(name) || !SOFTWARE.test(version)) {
        return answered({ errorCode: errorCode('INVALID_REQUEST'), apiKeys: [] })
      }
      context.identify(name, version)
    }
    const { features } = parts.image()
    return answered({
      errorCode: 0,
      apiKeys: advertised().map(({ key, versions }) => ({
        apiKey: key,
        minVersion: versions[0],
        maxVersion: versions[1],
      })),
      supportedFeatures: parts.features
        .filter(({ minVersion }) => minVersion > 0 || context.apiVersion >= ZERO_LEVELS_FROM)
        .map(({ name, minVersion, maxVersion }) => ({ name, minVersion, maxVersion })),
      finalizedFeaturesEpoch: features.epoch,
      finalizedFeatures: [...features.levels]
        .filter(([, level]) => level > 0)
        .map(([name, level]) => ({ name, maxVersionLevel: level, minVersionLevel: level })),
    })
  }
}

export function unsupportedApiVersions([minVersion, maxVersion]: VersionRange): Response {
  return {
    errorCode: errorCode('UNSUPPORTED_VERSION'),
    apiKeys: [{ apiKey: API_VERSIONS_KEY, minVersion, maxVersion }],
  }
}
