/** What the metadata store promises when a real etcd fails: each fault is made, not played. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemoryLogger } from '@ottla/base/memory-logger.ts'
import { systemTimers } from '@ottla/base/node-timers.ts'
import { COMPACT, type Method } from '@ottla/broker/metadata/etcd/messages.ts'
import type { Table } from '@ottla/broker/metadata/etcd/protobuf.ts'
import type { EtcdStore } from '@ottla/broker/metadata/etcd-store.ts'
import { type MetadataStore, StoreBroken, StoreUnavailable, type WatchEvent } from '@ottla/broker/metadata/store.ts'
import { needs } from '../debian.ts'
import { EtcdMember, startEtcd } from './etcd-process.ts'
import { openChannel, openStore, put } from './store-of.ts'
import { TcpProxy } from './tcp-proxy.ts'

const options = { ...(await needs('etcd-server')), timeout: 60_000 }
const TIMEOUT = { timeoutMs: 5_000 }

async function committed(store: MetadataStore, key: string, value: string): Promise<number> {
  const outcome = await store.commit(put(key, value))
  assert.equal(outcome.type, 'committed')
  return outcome.type === 'committed' ? outcome.revision : 0
}

/** Commits until it is known that one was made; a store that is away may take several. */
async function committedInTheEnd(store: MetadataStore, key: string, value: string): Promise<void> {
  for (;;) if ((await store.commit(put(key, value))).type === 'committed') return
}

/** The values of one key that a watch shows, until it shows the last one. */
async function valuesUntil(store: MetadataStore, after: number, last: string): Promise<(string | null)[]> {
  const values: (string | null)[] = []
  for await (const event of store.watch(after, { signal: new AbortController().signal })) {
    assert.equal(event.type, 'revision')
    if (event.type === 'revision') values.push(...event.changes.map(({ value }) => value))
    if (values.at(-1) === last) break
  }
  return values
}

test('a restart of etcd loses no commit and no revision of a watch', options, async () => {
  await using etcd = await EtcdMember.start()
  await using store = await openStore({ addresses: [etcd.address] })
  const start = await committed(store, 'a', '0')
  const watching = valuesUntil(store, start, '2')
  await committed(store, 'a', '1')
  await etcd.restart()
  await committedInTheEnd(store, 'a', '2')
  assert.deepEqual([...new Set(await watching)], ['1', '2'])
})

test(
  'an etcd that is cut off leaves a commit unknown and a read unavailable, in bounded time, by name',
  options,
  async () => {
    await using etcd = await EtcdMember.start()
    await using proxy = await TcpProxy.to(etcd.port)
    await using store = await openStore({ addresses: [proxy.address] })
    const start = await committed(store, 'a', '0')
    const watching = valuesUntil(store, start, 'after')
    proxy.stall()
    const reading = store.read('a')
    const [commit] = await Promise.all([
      store.commit(put('a', 'during')),
      assert.rejects(reading, (error) => error instanceof StoreUnavailable && error.message.includes(proxy.address)),
    ])
    assert.deepEqual(commit, { type: 'unknown' })
    proxy.heal()
    await committedInTheEnd(store, 'a', 'after')
    assert.equal((await watching).at(-1), 'after')
  },
)

test('where one of three members is paused, another answers, and a watch goes on there', options, async () => {
  await using cluster = await startEtcd(3)
  const [first, second] = cluster.members
  await using store = await openStore({ addresses: cluster.members.map(({ address }) => address) })
  await using other = await openStore({ addresses: [second!.address] })
  const start = await committed(store, 'a', '0')
  const watching = valuesUntil(store, start, '2')
  await committed(other, 'a', '1')
  first!.pause()
  await committedInTheEnd(other, 'a', '2')
  assert.deepEqual([...new Set(await watching)], ['1', '2'])
  assert.equal((await store.read('a')).entries[0]?.value, '2')
  first!.resume()
})

test('a member that was killed and its leader moved: commits go on, leases live on', options, async () => {
  await using cluster = await startEtcd(3)
  await using store = await openStore({ addresses: cluster.members.map(({ address }) => address) })
  const lease = await store.lease(5_000)
  await store.commit({ ...put('alive', 'yes'), lease })
  for (const member of cluster.members) {
    await member.kill()
    await committedInTheEnd(store, 'a', member.address)
    member.launch()
    await member.serves()
  }
  assert.equal(lease.isLive(), true)
  assert.equal((await store.read('alive')).entries.length, 1)
})

test('a slow watcher whose history is compacted is told, and reads anew', options, async () => {
  await using etcd = await EtcdMember.start()
  await using proxy = await TcpProxy.to(etcd.port)
  await using store = await openStore({ addresses: [proxy.address] })
  await using writer = await openStore({ addresses: [etcd.address] })
  const start = await committed(writer, 'a', '0')
  const events: WatchEvent[] = []
  const watching = (async () => {
    for await (const event of store.watch(start, { signal: new AbortController().signal })) events.push(event)
  })()
  proxy.cut()
  let last = start
  for (const value of ['1', '2', '3']) last = await committed(writer, 'a', value)
  using channel = await openChannel([etcd.address])
  await channel.ask(COMPACT, { revision: last }, TIMEOUT)
  proxy.heal()
  await watching
  assert.deepEqual(events, [{ type: 'compacted' }])
  assert.equal((await store.read('a')).entries[0]?.value, '3')
})

test(
  'an etcd out of space refuses changes as unknown, is told of by name, and once; reads go on',
  options,
  async () => {
    await using etcd = await EtcdMember.start({ args: ['--quota-backend-bytes', `${2 * 1024 * 1024}`] })
    const logger = new MemoryLogger()
    await using store = await openStore({ addresses: [etcd.address], logger })
    const big = 'x'.repeat(500_000)
    let outcome = await store.commit(put('a', big))
    for (let i = 0; i < 20 && outcome.type === 'committed'; i++) outcome = await store.commit(put('a', big))
    assert.deepEqual(outcome, { type: 'unknown' })
    assert.deepEqual(await store.commit(put('b', '1')), { type: 'unknown' })
    await assert.rejects(store.lease(1_000), StoreUnavailable)
    assert.equal((await store.read('a')).entries[0]?.value, big)
    const told = logger.lines.filter(({ level }) => level === 'error')
    assert.equal(told.length, 1)
    assert.match(told[0]!.message, /out of space \(alarm NOSPACE\)/)
    assert.match(String(told[0]!.fields['endpoints']), new RegExp(etcd.address))
  },
)

test('an etcd that went back in time is refused, by watches and by reads', options, async () => {
  await using etcd = await EtcdMember.start()
  await using younger = await EtcdMember.start()
  await using proxy = await TcpProxy.to(etcd.port)
  await using store = await openStore({ addresses: [proxy.address] })
  for (const value of ['1', '2', '3']) await committed(store, 'a', value)
  await using fresh = await openStore({ addresses: [younger.address] })
  await assert.rejects(
    Array.fromAsync(fresh.watch(99, { signal: new AbortController().signal })),
    (error) => error instanceof StoreBroken && /went back in time/.test(error.message),
  )
  proxy.redirect(younger.port)
  await assert.rejects(reading(store), StoreBroken)
})

/** The first read may find the old connection broken. */
async function reading(store: EtcdStore): Promise<void> {
  for (;;) await store.read('')
}

test('a lease that cannot be kept alive is lost before etcd gives its keys away', options, async () => {
  await using etcd = await EtcdMember.start()
  await using proxy = await TcpProxy.to(etcd.port)
  await using store = await openStore({ addresses: [proxy.address] })
  await using other = await openStore({ addresses: [etcd.address] })
  const lease = await store.lease(2_000)
  await store.commit({ ...put('controller', 'one'), lease })
  const vanished = (async () => {
    for (;;) {
      if ((await other.read('controller')).entries.length === 0) return lease.lost.aborted
      await systemTimers.sleep(20)
    }
  })()
  proxy.stall()
  assert.equal(await vanished, true)
  proxy.heal()
})

test('other programs may write to the same etcd: a read can be waited for all the same', options, async () => {
  await using etcd = await EtcdMember.start()
  await using ours = await openStore({ addresses: [etcd.address], prefix: '/ours' })
  await using theirs = await openStore({ addresses: [etcd.address], prefix: '/theirs' })
  const start = await committed(ours, 'a', '1')
  await committed(theirs, 'a', 'not ours')
  const { revision, entries } = await ours.read('')
  assert.deepEqual(entries, [{ key: 'a', value: '1', revision: start }])
  assert.ok(revision > start)
  for await (const event of ours.watch(start, { signal: new AbortController().signal })) {
    assert.ok(event.type === 'revision' && event.changes.length === 0)
    if (event.revision >= revision) break
  }
})

const NAMED = { name: [1, 'text'], password: [2, 'text'] } as const
const USER_ADD = auth('UserAdd', NAMED)
const ROLE_ADD = auth('RoleAdd', NAMED)
const GRANT_ROLE = auth('UserGrantRole', { user: [1, 'text'], role: [2, 'text'] })
const AUTH_ENABLE = auth('AuthEnable', {})

test('signs in with user and password, again when its token has ended, and says when it may not', options, async () => {
  await using etcd = await EtcdMember.start({ args: ['--auth-token-ttl', '1'] })
  const account = { user: 'root', password: 'secret' }
  {
    using channel = await openChannel([etcd.address])
    await channel.ask(USER_ADD, { name: account.user, password: account.password }, TIMEOUT)
    await channel.ask(ROLE_ADD, { name: 'root' }, TIMEOUT)
    await channel.ask(GRANT_ROLE, { user: 'root', role: 'root' }, TIMEOUT)
    await channel.ask(AUTH_ENABLE, {}, TIMEOUT)
  }
  await using store = await openStore({ addresses: [etcd.address], account })
  const start = await committed(store, 'a', '1')
  await using lease = await store.lease(1_000)
  await etcd.restart()
  const watching = valuesUntil(store, start, '2')
  await committedInTheEnd(store, 'a', '2')
  assert.equal((await watching).at(-1), '2')
  assert.ok(lease.epoch > start)
  await etcd.restart()
  // Nothing but the watch finds out that the token has ended.
  const watchingAlone = valuesUntil(store, start, '3')
  await using other = await openStore({ addresses: [etcd.address], account })
  await committedInTheEnd(other, 'a', '3')
  assert.equal((await watchingAlone).at(-1), '3')
  const wrong = { ...account, password: 'guessed' }
  await assert.rejects(openStore({ addresses: [etcd.address], account: wrong }), /authentication failed/)
  await assert.rejects(openStore({ addresses: [etcd.address] }), StoreBroken)
})

function auth<const Request extends Table>(name: string, request: Request): Method<Request, Record<never, never>> {
  return { path: `/etcdserverpb.Auth/${name}`, request, response: {} }
}
