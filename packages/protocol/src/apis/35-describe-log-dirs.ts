/** DescribeLogDirs (35). Sizes and lags of the replicas in a broker's log directories. */
import { api } from '../codec.ts'
import { array, bool, int16, int32, int64, int64Saturating, string } from '../types.ts'

export const DescribeLogDirs = api(35, 'DescribeLogDirs', { versions: [1, 4], flexible: 2, listeners: ['broker'] }, {
  request: {
    topics: array({ topic: string, partitions: array(int32) }).nullable(),
  },
  response: {
    throttleTimeMs: int32.default(0),
    errorCode:      int16.since(3).default(0).ignorable(),
    results:        array({
      errorCode:   int16,
      logDir:      string,
      topics:      array({
        name:       string,
        partitions: array({
          partitionIndex: int32,
          partitionSize:  int64,
          offsetLag:      int64,
          isFutureKey:    bool,
        }),
      }),
      totalBytes:  int64Saturating.since(4).default(-1).ignorable(),
      usableBytes: int64Saturating.since(4).default(-1).ignorable(),
    }),
  },
})
