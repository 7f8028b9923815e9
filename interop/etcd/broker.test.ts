/** A broker whose metadata are in a real etcd, started as a user starts it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DescribeCluster } from '@ottla/protocol/apis/60-describe-cluster.ts'
import { BrokerProcess, NotReadyError } from '../broker-process.ts'
import { batchOf, connect, createTopic, produce } from '../cluster.ts'
import { needs } from '../debian.ts'
import { recordsOf } from '../partition-contents.ts'
import { TempDirectory } from '../temp-directory.ts'
import { EtcdMember } from './etcd-process.ts'

const options = await needs('etcd-server')
const TOPIC = 'kept'

function start(etcd: EtcdMember, dataDir: string): Promise<BrokerProcess> {
  return BrokerProcess.start(launchOptions(etcd, dataDir))
}

function launchOptions(etcd: EtcdMember, dataDir: string): { dataDir: string; args: string[] } {
  return { dataDir, args: ['--set', `metadata.store=etcd://${etcd.address}/one`] }
}

test('a broker finds its topics and records again, also when etcd was restarted meanwhile', options, async () => {
  await using etcd = await EtcdMember.start()
  using directory = new TempDirectory('etcd-broker')
  {
    await using broker = await start(etcd, directory.path)
    await using client = await connect(broker)
    await createTopic(client, { name: TOPIC })
    assert.equal((await produce(client, { topic: TOPIC }, batchOf(['before']))).error, 'NONE')
    await etcd.restart()
    await createTopic(client, { name: 'made-later' })
    // A killed broker's lease would hold up the next controller for its nine seconds.
    assert.equal((await broker.stop()).exitCode, 0)
  }
  await using broker = await start(etcd, directory.path)
  await using client = await connect(broker)
  assert.deepEqual(
    (await recordsOf(client, { topic: TOPIC })).map(({ value }) => value),
    ['before'],
  )
})

test('brokers that were given no id get one each, also when they start at once, and keep it', options, async () => {
  await using etcd = await EtcdMember.start()
  using first = new TempDirectory('etcd-broker')
  using second = new TempDirectory('etcd-broker')
  const ids = async (): Promise<number[]> => {
    await using one = BrokerProcess.launch(launchOptions(etcd, first.path))
    await using other = BrokerProcess.launch(launchOptions(etcd, second.path))
    await Promise.all([one.ready(), other.ready()])
    const found = [await idOf(one), await idOf(other)]
    for (const broker of [one, other]) assert.equal((await broker.stop()).exitCode, 0)
    return found
  }
  const given = await ids()
  assert.deepEqual(given.toSorted(), [1, 2])
  assert.deepEqual(await ids(), given)
})

/** Who is at this address, by what the cluster says. */
async function idOf(broker: BrokerProcess): Promise<number> {
  await using client = await connect(broker)
  const { brokers } = await client.request(DescribeCluster, { includeClusterAuthorizedOperations: false })
  return brokers.find(({ port }) => port === broker.port)!.brokerId
}

test('a data directory of another cluster is refused, as is an etcd that is not there', options, async () => {
  await using etcd = await EtcdMember.start()
  using directory = new TempDirectory('etcd-broker')
  await (await start(etcd, directory.path)).stop()
  await using other = await EtcdMember.start()
  await assert.rejects(start(other, directory.path), ended(/belongs to cluster/))
  await etcd.kill()
  await assert.rejects(
    start(etcd, directory.path),
    ended(new RegExp(`does not answer: etcd at http://${etcd.address}`)),
  )
})

function ended(told: RegExp): (error: Error) => boolean {
  return (error) => {
    assert.ok(error instanceof NotReadyError)
    assert.equal(error.exitCode, 1)
    assert.match(error.errors, told)
    assert.doesNotMatch(error.errors, /\n\s+at /, 'no stack where the message says it all')
    return true
  }
}
