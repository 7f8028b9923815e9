import assert from 'node:assert/strict'
import { test } from 'node:test'
import { emptyImage, type MetadataImage, type TopicImage } from './image.ts'
import { imageChange } from './image-change.ts'

function topic(name: string, id = name): TopicImage {
  return { id, name, internal: false, configs: new Map(), partitions: [], revision: 1 }
}

function imageOf(...topics: readonly TopicImage[]): MetadataImage {
  return { ...emptyImage, topicsByName: new Map(topics.map((one) => [one.name, one])) }
}

test('created, deleted, changed and recreated topics are named, and no others', () => {
  const [same, changed, recreated, deleted] = [topic('same'), topic('changed'), topic('recreated'), topic('deleted')]
  const before = imageOf(same, changed, recreated, deleted)
  const [grown, again, created] = [topic('changed'), topic('recreated', 'other'), topic('created')]
  const image = imageOf(same, grown, again, created)
  assert.deepEqual(imageChange(before, image), {
    ...{ before, image },
    topics: [
      { name: 'changed', before: changed, after: grown },
      { name: 'recreated', before: recreated, after: again },
      { name: 'created', before: undefined, after: created },
      { name: 'deleted', before: deleted, after: undefined },
    ],
  })
})

test('where the topics are the same nobody looks at them', () => {
  const before = imageOf(topic('t'))
  const image = { ...before, revision: 2 }
  Object.defineProperty(before.topicsByName, Symbol.iterator, { value: () => assert.fail('Topics were gone through') })
  assert.deepEqual(imageChange(before, image).topics, [])
})
