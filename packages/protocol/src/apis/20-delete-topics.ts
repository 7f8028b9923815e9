/** DeleteTopics (20). Deletes topics, by name or id. */
import { api } from '../codec.ts'
import { array, int16, int32, string, uuid } from '../types.ts'
import { ZERO_UUID } from '../wire.ts'

export const DeleteTopics = api(20, 'DeleteTopics', {
  versions: [1, 6], flexible: 4, listeners: ['broker', 'controller'],
}, {
  request: {
    topics:     array({ name: string.nullable().default(null), topicId: uuid }).since(6).default([]),
    topicNames: array(string).until(5).default([]).ignorable(),
    timeoutMs:  int32,
  },
  response: {
    throttleTimeMs: int32.default(0).ignorable(),
    responses:      array({
      name:         string.nullable(6),
      topicId:      uuid.since(6).default(ZERO_UUID).ignorable(),
      errorCode:    int16,
      errorMessage: string.since(5).nullable().default(null).ignorable(),
    }),
  },
})
