/** DescribeConfigs (32). Reads configurations with their sources. */
import { api } from '../codec.ts'
import { array, bool, int8, int16, int32, string } from '../types.ts'

export const DescribeConfigs = api(32, 'DescribeConfigs', {
  versions: [1, 4], flexible: 4, listeners: ['broker', 'controller'],
}, {
  request: {
    resources:            array({
      resourceType:      int8,
      resourceName:      string,
      configurationKeys: array(string).nullable(),
    }),
    includeSynonyms:      bool.default(false),
    includeDocumentation: bool.since(3).default(false),
  },
  response: {
    throttleTimeMs: int32.default(0),
    results:        array({
      errorCode:    int16,
      errorMessage: string.nullable(),
      resourceType: int8,
      resourceName: string,
      configs:      array({
        name:          string,
        value:         string.nullable(),
        readOnly:      bool,
        configSource:  int8.default(-1).ignorable(),
        isSensitive:   bool,
        synonyms:      array({ name: string, value: string.nullable(), source: int8 }).ignorable(),
        configType:    int8.since(3).default(0).ignorable(),
        documentation: string.since(3).nullable().ignorable(),
      }),
    }),
  },
})
