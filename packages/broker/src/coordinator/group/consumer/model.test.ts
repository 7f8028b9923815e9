import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { joining, Scene } from './consumer-harness.ts'

/** A consumer as the protocol wants it, or one that repeats itself, forgets, and holds on to what it was told to give. */
class Client {
  readonly id: string
  readonly #scene: Scene
  epoch = 0
  isIn = false
  /** What it reads now; it gives partitions up when it is told to, one heartbeat later. */
  owned: Readonly<Record<string, readonly number[]>> = {}
  #names: readonly string[] = ['t']
  /** It does not know whether an answer was lost; then it says all that there is to say. */
  #isUnsure = false

  constructor(id: string, scene: Scene) {
    this.id = id
    this.#scene = scene
  }

  beat(): void {
    if (!this.isIn) return this.join(this.#names)
    const full = { rebalanceTimeoutMs: 60_000, subscribedTopicNames: [...this.#names] }
    this.#send({ epoch: this.epoch, owned: this.owned, ...(this.#isUnsure ? full : {}) })
  }

  join(names: readonly string[]): void {
    this.#names = names
    this.epoch = 0
    this.owned = {}
    this.#send(joining(names))
  }

  /** It sends, and never hears the answer. */
  beatUnheard(): void {
    if (this.isIn) this.#scene.say(this.id, { epoch: this.epoch, owned: this.owned })
    this.#isUnsure = true
  }

  subscribe(names: readonly string[]): void {
    if (!this.isIn) return
    this.#names = names
    this.#send({ epoch: this.epoch, owned: this.owned, subscribedTopicNames: [...names] })
  }

  lie(epoch: number): void {
    const ticket = this.#scene.say(this.id, { epoch, owned: { t: [0, 1, 2, 3, 4, 5, 6, 7] } })
    this.#isUnsure = true
    if (epoch === -1 && ticket.error === null) this.#forget()
  }

  leave(): void {
    if (this.isIn) this.#scene.say(this.id, { epoch: -1 })
    this.#forget()
  }

  #send(said: Parameters<Scene['say']>[1]): void {
    const ticket = this.#scene.say(this.id, said)
    if (ticket.error !== null) return this.#forget()
    const { epoch, assignment } = this.#scene.read(ticket.reply)
    assert.ok(epoch >= this.epoch, 'Epochs never go back')
    this.isIn = true
    if (assignment !== null) this.#isUnsure = false
    this.epoch = epoch
    if (assignment !== null) this.owned = assignment
  }

  #forget(): void {
    this.isIn = false
    this.owned = {}
    this.epoch = 0
  }
}

type Act = (scene: Scene, clients: readonly Client[]) => void

const who = fc.nat(4)
const names = fc.subarray(['t', 'u', 'later'])
const act: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 8,
    arbitrary: who.map(
      (at): Act =>
        (_, clients) =>
          clients[at]!.beat(),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(who, names).map(
      ([at, topics]): Act =>
        (_, clients) =>
          clients[at]!.join(topics),
    ),
  },
  {
    weight: 2,
    arbitrary: who.map(
      (at): Act =>
        (_, clients) =>
          clients[at]!.beatUnheard(),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(who, names).map(
      ([at, topics]): Act =>
        (_, clients) =>
          clients[at]!.subscribe(topics),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.tuple(who, fc.integer({ min: -1, max: 12 })).map(
      ([at, epoch]): Act =>
        (_, clients) =>
          clients[at]!.lie(epoch),
    ),
  },
  {
    weight: 1,
    arbitrary: who.map(
      (at): Act =>
        (_, clients) =>
          clients[at]!.leave(),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.record({ t: fc.integer({ min: 1, max: 8 }), u: fc.integer({ min: 1, max: 3 }) }).map(
      (topics): Act =>
        (scene) =>
          scene.setTopics(topics),
    ),
  },
  { weight: 1, arbitrary: fc.constant<Act>((scene) => scene.setTopics({ t: 8, later: 2 })) },
  {
    weight: 2,
    arbitrary: fc.integer({ min: 1, max: 50_000 }).map(
      (ms): Act =>
        (scene) =>
          scene.transcript.advance(ms),
    ),
  },
  { weight: 1, arbitrary: fc.constant<Act>((scene) => scene.failOver()) },
)

function checkOwners(scene: Scene): void {
  if (scene.transcript.subject.group === null) return
  const owners = new Map<string, string>()
  for (const { memberId, assignment } of scene.group.describe().members) {
    for (const { topicName, partitions } of assignment.topicPartitions) {
      for (const partition of partitions) {
        const key = `${topicName}-${partition}`
        assert.equal(owners.get(key), undefined, `${key} is ${owners.get(key)}'s and ${memberId}'s`)
        owners.set(key, memberId)
      }
    }
  }
}

/** By what they read, not by what the coordinator thinks; who was removed for its silence does not know it yet. */
function checkReaders(scene: Scene, clients: readonly Client[]): void {
  if (scene.transcript.subject.group === null) return
  const alive = new Set(scene.group.describe().members.map(({ memberId }) => memberId))
  const readers = new Set<string>()
  for (const client of clients.filter(({ id, isIn }) => isIn && alive.has(id))) {
    for (const [topic, partitions] of Object.entries(client.owned)) {
      for (const partition of partitions) {
        assert.ok(!readers.has(`${topic}-${partition}`), `${topic}-${partition} is read once`)
        readers.add(`${topic}-${partition}`)
      }
    }
  }
}

function checkReplay(scene: Scene): void {
  if (scene.transcript.subject.group === null) return
  const replayed = new Scene()
  replayed.world.currentImage = scene.world.currentImage
  for (const { record } of scene.transcript.log) replayed.transcript.append(record)
  assert.deepEqual(replayed.group.describe(), scene.group.describe())
  assert.deepEqual(new Set(replayed.group.subscribedTopics()), scene.group.subscribedTopics())
}

/** Each change is one epoch; after that a round reveals it, one revokes, one reports it, and one receives. */
const ROUNDS_MAX = 6

function settle(scene: Scene, clients: readonly Client[]): void {
  for (let round = 0; round < ROUNDS_MAX; round++) for (const client of clients) client.beat()
  const { groupState, groupEpoch, members } = scene.group.describe()
  assert.equal(groupState, 'Stable')
  assert.equal(members.length, clients.length)
  for (const { memberEpoch, assignment, targetAssignment } of members) {
    assert.equal(memberEpoch, groupEpoch)
    assert.deepEqual(new Set(assignment.topicPartitions), new Set(targetAssignment.topicPartitions))
  }
  const from = scene.transcript.log.length
  for (const client of clients) client.beat()
  assert.equal(scene.transcript.log.length, from, 'A settled group writes nothing')
}

test('whatever members do, partitions have one owner, epochs go forward, replay equals live, and all settle', () => {
  fc.assert(
    fc.property(fc.array(act, { minLength: 1, maxLength: 60 }), (acts) => {
      const scene = new Scene({ t: 6, u: 2 })
      const clients = Array.from({ length: 5 }, (_, at) => new Client(`m${at}`, scene))
      let groupEpoch = 0
      for (const each of acts) {
        each(scene, clients)
        checkOwners(scene)
        checkReaders(scene, clients)
        const now = scene.transcript.subject.group === null ? 0 : scene.group.describe().groupEpoch
        assert.ok(now >= groupEpoch, 'The group’s epoch never goes back')
        groupEpoch = now
      }
      checkReplay(scene)
      settle(scene, clients)
      checkReplay(scene)
    }),
    { numRuns: 300 },
  )
})
