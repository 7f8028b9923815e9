/** ApiVersions (18). Which APIs and versions the other side speaks. The response has header v0 in every version. */
import { api } from '../codec.ts'
import { array, bool, int16, int32, int64, string } from '../types.ts'

export const ApiVersions = api(18, 'ApiVersions', {
  versions: [0, 4], flexible: 3, listeners: ['broker', 'controller'],
}, {
  request: {
    clientSoftwareName:    string.since(3).default('').ignorable(),
    clientSoftwareVersion: string.since(3).default('').ignorable(),
  },
  response: {
    errorCode:              int16,
    apiKeys:                array({ apiKey: int16, minVersion: int16, maxVersion: int16 }),
    throttleTimeMs:         int32.since(1).default(0).ignorable(),
    supportedFeatures:      array({ name: string, minVersion: int16, maxVersion: int16 }).tag(0, 3).ignorable(),
    finalizedFeaturesEpoch: int64.tag(1, 3).default(-1).ignorable(),
    finalizedFeatures:      array({
      name:            string,
      maxVersionLevel: int16,
      minVersionLevel: int16,
    }).tag(2, 3).ignorable(),
    zkMigrationReady:       bool.tag(3, 3).default(false).ignorable(),
  },
})
