/**
 * Groups of foreign clients and our own, in their own processes, against a broker in its own process: members share
 * partitions, groups do not touch each other, and a rebalance happens when members, subscriptions or partitions change
 * and never else. Every client with each of its assignors is groups/matrix.ts's, long rest groups/idle.ts's.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { BrokerProcess } from './broker-process.ts'
import { connect, createTopic } from './cluster.ts'
import { needs } from './debian.ts'
import { startBrokerOfGroups } from './groups/broker-of-groups.ts'
import {
  CONFLUENT,
  type GroupClient,
  KAFKAJS,
  KCAT,
  OTTLA_848,
  OTTLA_CLASSIC,
  PLATFORMATIC,
  PLATFORMATIC_848,
} from './groups/clients.ts'
import { GroupObserver } from './groups/group-view.ts'
import { HeartbeatMember } from './groups/heartbeat-member.ts'
import { GroupLife } from './groups/life.ts'
import { Party } from './groups/party.ts'
import { livePattern } from './groups/pattern-life.ts'
import { addPartitions, deleteTopic } from './groups/topic-changes.ts'
import { TopicFeed } from './groups/topic-feed.ts'
import { TempDirectory } from './temp-directory.ts'

const CASES = [
  { client: CONFLUENT, assignor: 'range' },
  { client: KAFKAJS, assignor: 'RoundRobinAssigner' },
  { client: PLATFORMATIC_848, assignor: 'uniform' },
  { client: OTTLA_CLASSIC, assignor: 'cooperative-sticky' },
  { client: OTTLA_848, assignor: 'uniform' },
] as const

/** Patterns are looked up by members of classic groups, and by the broker for those of KIP-848. */
const PATTERN_CASES = [
  { client: CONFLUENT, assignor: 'range' },
  { client: OTTLA_848, assignor: 'uniform' },
] as const

const CROWD_CASES = [
  { client: CONFLUENT, assignor: 'cooperative-sticky' },
  { client: KAFKAJS, assignor: 'RoundRobinAssigner' },
  { client: PLATFORMATIC_848, assignor: 'uniform' },
  { client: OTTLA_CLASSIC, assignor: 'sticky' },
] as const

const CROWD = 20
const CROWD_PARTITIONS = 100
const RECORDS = 2

const { skip } = await needs('kcat', 'python3-confluent-kafka')

describe('groups of clients', skip === undefined ? {} : { skip }, () => {
  const directory = new TempDirectory('groups')
  const parties = new AsyncDisposableStack()
  const lives: GroupLife[] = []
  let broker: BrokerProcess
  let observer: GroupObserver

  before(async () => {
    broker = await startBrokerOfGroups({ dataDir: directory.of('data') })
    observer = new GroupObserver(await connect(broker))
  })

  after(async () => {
    await parties.disposeAsync()
    await observer[Symbol.asyncDispose]()
    await broker[Symbol.asyncDispose]()
    directory[Symbol.dispose]()
  })

  function partyOf(client: GroupClient, assignor: string, group: string): Party {
    return Party.of(client, { observer, bootstrap: broker.bootstrap, group, assignor })
  }

  describe('settle in the fewest rounds', { concurrency: true }, () => {
    for (const { client, assignor } of CASES) {
      test(`${client.name}, ${assignor}, when members come, go and die, and topics and partitions change`, async () => {
        const group = nameOf('life', client, assignor)
        const life = parties.use(new GroupLife({ observer, bootstrap: broker.bootstrap, group, client, assignor }))
        await life.live()
        lives.push(life)
      })
    }

    for (const { client, assignor } of PATTERN_CASES) {
      test(`${client.name}, ${assignor}: a pattern takes in topics that come and lets go of those that are deleted`, async () => {
        const group = nameOf('pattern', client, assignor)
        await livePattern({ observer, bootstrap: broker.bootstrap, group, client, assignor })
      })
    }

    test('KIP-848: the broker itself sees partitions and matching topics that come and go, in one epoch each', async () => {
      const { connection } = observer
      const group = 'broker-side-pattern'
      const feeds = ['regex.1', 'regex.2'].map((topic) => new TopicFeed(topic))
      await createTopic(connection, { name: 'regex.1', partitions: 2 })
      await using members = new AsyncDisposableStack()
      for (const pattern of ['regex[.].*', 'regex[.].*']) {
        members.use(await HeartbeatMember.join({ connection, group, pattern }))
      }
      const client = { ...PLATFORMATIC_848, assignors: { none: 'consumer' as const } }
      const party = partyOf(client, 'none', group)
      const settled = async (partitions: readonly string[], rounds?: number) =>
        await party.settled({
          partitions,
          clients: ['interop', 'interop'],
          ...(rounds === undefined ? {} : { rounds }),
        })
      await settled(feeds[0]!.partitions(2))
      await addPartitions(connection, { name: 'regex.1', count: 4 })
      await settled(feeds[0]!.partitions(4), 1)
      await createTopic(connection, { name: 'regex.2', partitions: 2 })
      await settled([...feeds[0]!.partitions(4), ...feeds[1]!.partitions(2)], 1)
      await deleteTopic(connection, 'regex.1')
      await settled(feeds[1]!.partitions(2), 1)
    })

    test('members without a partition wait beside those that have one, whatever client they are', async () => {
      const feed = new TopicFeed('three')
      await createTopic(observer.connection, { name: 'three', partitions: 3 })
      await using party = partyOf(CONFLUENT, 'roundrobin', 'five-at-three')
      party.join(party.start(KCAT.program(broker.bootstrap)), ['kcat1', 'kcat2'], ['three'])
      party.join(party.start(CONFLUENT.program(broker.bootstrap)), ['python1', 'python2'], ['three'])
      party.join(party.start(PLATFORMATIC.program(broker.bootstrap)), ['javascript'], ['three'])
      const { members } = await party.settled({ partitions: feed.partitions(3) })
      assert.equal(members.filter(({ partitions }) => partitions.length === 0).length, 2)
      await feed.add(observer.connection, { partitions: 3, records: RECORDS })
      await party.hasAll([feed])
      await party.rests()
    })
  })

  test('twenty members have five of a hundred partitions each, and every group gets everything', async () => {
    const feed = new TopicFeed('hundred')
    await createTopic(observer.connection, { name: 'hundred', partitions: CROWD_PARTITIONS })
    await using crowds = new AsyncDisposableStack()
    const members = Array.from({ length: CROWD }, (_, index) => `member-${index}`)
    const settling = CROWD_CASES.map(async ({ client, assignor }) => {
      const party = crowds.use(partyOf(client, assignor, nameOf('crowd', client, assignor)))
      party.join(party.start(client.program(broker.bootstrap)), members, ['hundred'])
      const view = await party.settled({ partitions: feed.partitions(CROWD_PARTITIONS) })
      for (const { partitions } of view.members) assert.equal(partitions.length, CROWD_PARTITIONS / CROWD)
      return party
    })
    const settled = await Promise.all(settling)
    await feed.add(observer.connection, { partitions: CROWD_PARTITIONS, records: RECORDS })
    for (const party of settled) await party.hasAll([feed])
    for (const party of settled) await party.rests()
  })

  test('go on from their committed offsets, with the same members, when the broker was killed', async () => {
    assert.equal(lives.length, CASES.length)
    await broker.kill()
    broker = await startBrokerOfGroups({ dataDir: directory.of('data'), listen: broker.bootstrap })
    await observer.reconnect(await connect(broker))
    for (const life of lives) await life.goesOn()
  })
})

/** Fit for a group and for its topics. */
function nameOf(what: string, client: GroupClient, assignor: string): string {
  return `${what}.${client.name}.${assignor}`.replace(/[^A-Za-z0-9.-]+/g, '-')
}
