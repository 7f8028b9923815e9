import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DeleteTopics } from '@ottla/protocol/apis/20-delete-topics.ts'
import { ZERO_UUID } from '../metadata/image.ts'
import { type OneBroker, oneBroker } from '../metadata/one-broker.ts'
import { deleteTopics } from './20-delete-topics.ts'
import { call, type Denied, errorsOf } from './admin-harness.ts'

async function withTopics(names: string[], settings: { [key: string]: string } = {}): Promise<OneBroker> {
  const broker = await oneBroker({ settings })
  const commands = names.map((name) => ({
    name,
    partitionCount: 1,
    replicationFactor: 1,
    assignments: [],
    configs: [],
  }))
  await broker.client.createTopics(commands, { validateOnly: false })
  return broker
}

function ask(broker: OneBroker, version: number, request: object, denied: Denied = []) {
  const handler = deleteTopics({ controller: broker.client, config: broker.config, image: broker.image })
  return call(DeleteTopics, handler, {
    version,
    request: { topics: [], topicNames: [], timeoutMs: 1000, ...request },
    denied,
  })
}

const named = (name: string) => ({ name, topicId: ZERO_UUID })

for (const version of [1, 2, 3, 4, 5]) {
  test(`version ${version} deletes by name`, async () => {
    await using broker = await withTopics(['a', 'b'])
    const { responses } = await ask(broker, version, { topicNames: ['a', 'missing'] })
    assert.deepEqual(
      responses.map(({ name }) => name),
      ['a', 'missing'],
    )
    assert.deepEqual(errorsOf(responses), ['NONE', 'UNKNOWN_TOPIC_OR_PARTITION'])
    assert.deepEqual([...broker.image().topicsByName.keys()], ['b'])
  })
}

test('version 6 deletes by name or id, and tells both', async () => {
  await using broker = await withTopics(['a', 'b'])
  const [a, b] = ['a', 'b'].map((name) => broker.image().topicsByName.get(name)!.id)
  const unknown = 'AAAAAAAAAAAAAAAAAAAAAQ'
  const { responses } = await ask(broker, 6, { topics: [named('a'), { topicId: b! }, { topicId: unknown }] })
  assert.deepEqual(
    responses.map(({ name, topicId }) => [name, topicId]),
    [
      ['a', a],
      ['b', b],
      [null, unknown],
    ],
  )
  assert.deepEqual(errorsOf(responses), ['NONE', 'NONE', 'UNKNOWN_TOPIC_ID'])
  assert.equal(broker.image().topicsById.size, 0)
})

test('a topic named twice, also by name and id, is refused once', async () => {
  await using broker = await withTopics(['a'])
  const topicId = broker.image().topicsByName.get('a')!.id
  const { responses } = await ask(broker, 6, { topics: [named('a'), { topicId }, named('x'), named('x')] })
  assert.deepEqual(errorsOf(responses), ['INVALID_REQUEST', 'INVALID_REQUEST'])
  assert.equal(broker.image().topicsById.size, 1)
})

test('both of name and id, or neither, is an invalid request', async () => {
  await using broker = await withTopics(['a'])
  const topicId = broker.image().topicsByName.get('a')!.id
  const { responses } = await ask(broker, 6, { topics: [{ name: 'a', topicId }, { topicId: ZERO_UUID }] })
  assert.deepEqual(errorsOf(responses), ['INVALID_REQUEST', 'INVALID_REQUEST'])
})

test('a broker that deletes no topics says so, in the words of the version', async () => {
  await using broker = await withTopics(['a'], { 'delete.topic.enable': 'false' })
  assert.deepEqual(errorsOf((await ask(broker, 3, { topicNames: ['a'] })).responses), ['TOPIC_DELETION_DISABLED'])
  assert.deepEqual(errorsOf((await ask(broker, 2, { topicNames: ['a'] })).responses), ['INVALID_REQUEST'])
})

test('deletion needs a permission, and an id does not give away a name', async () => {
  await using broker = await withTopics(['a'])
  const topicId = broker.image().topicsByName.get('a')!.id
  const denied: Denied = [['delete', 'topic', 'a']]
  const byId = async (rules: Denied) => (await ask(broker, 6, { topics: [{ topicId }] }, rules)).responses[0]!.name
  assert.deepEqual(errorsOf((await ask(broker, 5, { topicNames: ['a'] }, denied)).responses), [
    'TOPIC_AUTHORIZATION_FAILED',
  ])
  assert.equal(await byId(denied), 'a')
  assert.equal(await byId([...denied, ['describe', 'topic', 'a']]), null)
  assert.equal(broker.image().topicsById.size, 1)
})
