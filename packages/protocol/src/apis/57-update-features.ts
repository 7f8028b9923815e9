/** UpdateFeatures (57). Changes finalized feature levels. */
import { api } from '../codec.ts'
import { array, bool, int8, int16, int32, string } from '../types.ts'

export const UpdateFeatures = api(57, 'UpdateFeatures', {
  versions: [0, 2], flexible: 0, listeners: ['broker', 'controller'],
}, {
  request: {
    timeoutMs:      int32.default(60000),
    featureUpdates: array({
      feature:         string,
      maxVersionLevel: int16,
      allowDowngrade:  bool.until(0).default(false),
      upgradeType:     int8.since(1).default(1),
    }),
    validateOnly:   bool.since(1).default(false),
  },
  response: {
    throttleTimeMs: int32.default(0),
    errorCode:      int16,
    errorMessage:   string.nullable(),
    results:        array({
      feature:      string,
      errorCode:    int16,
      errorMessage: string.nullable(),
    }).until(1).default([]).ignorable(),
  },
})
