/**
 * The hosts themselves: what is cut is cut and nothing else, and nothing of them is left. Skipped where namespaces are not
 * to be had, in CI too: not every CI may make them. What clusters on them do is by hand: run.ts.
 */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { deferred } from '@ottla/base/deferred.ts'
import { run } from '../processes.ts'
import { BROKER_PORT, type Cut, rulesOf } from './cuts.ts'
import { Hosts } from './hosts.ts'

const options = Hosts.areToBeHad() ? {} : { skip: 'needs root, iproute2, iptables and network namespaces' }
/** Packets that are dropped never arrive; those that are not arrive in far less. */
const CONNECT_MS = 500
const SERVER = `require('node:net').createServer((socket) => socket.destroy()).listen(${BROKER_PORT}, () => console.log('listens'))`
const CONNECT = `const [host] = process.argv.slice(1)
const socket = require('node:net').connect({ host, port: ${BROKER_PORT}, timeout: ${CONNECT_MS} })
socket.on('connect', () => process.exit(0)).on('timeout', () => process.exit(1)).on('error', () => process.exit(1))`

/** Two hosts, of which the first listens where a broker would. */
async function world() {
  const stack = new DisposableStack()
  const hosts = stack.use(new Hosts(2))
  const [first, second] = hosts.all as [Hosts['all'][0], Hosts['all'][0]]
  const server = spawn(first.wrapper[0]!, [...first.wrapper.slice(1), process.execPath, '-e', SERVER])
  stack.defer(() => void server.kill('SIGKILL'))
  await firstOutput(server)
  return {
    hosts,
    cut: (cut: Cut) => hosts.drop(0, rulesOf(cut, { others: [second], clientAddress: hosts.clientAddress })),
    isReachedByClients: () => connects([], first.address),
    isReachedByPeers: () => connects(second.wrapper, first.address),
    [Symbol.dispose]: () => stack[Symbol.dispose](),
  }
}

async function firstOutput(child: ChildProcess): Promise<void> {
  const ready = deferred<void>()
  child.stdout!.once('data', () => ready.resolve())
  child.once('exit', (code) => ready.reject(new Error(`The server has ended with ${code}`)))
  await ready.promise
}

async function connects(wrapper: readonly string[], address: string): Promise<boolean> {
  const [command, ...args] = [...wrapper, process.execPath, '-e', CONNECT, address]
  return (await run(command!, args)).exitCode === 0
}

test('a host is cut off from whom it is to be, in each direction, until it is healed', options, async () => {
  using made = await world()
  const seen = async () => [await made.isReachedByClients(), await made.isReachedByPeers()]
  assert.deepEqual(await seen(), [true, true])
  const cuts: [Cut, boolean[]][] = [
    [{ from: 'clients' }, [false, true]],
    [{ from: 'clients', direction: 'out' }, [false, true]],
    [{ from: 'peers' }, [true, false]],
    [{ from: 'peers', direction: 'in' }, [true, false]],
    [{ from: 'etcd' }, [true, true]],
    [{ from: 'everything' }, [false, false]],
    [{ from: 'everything', direction: 'out' }, [false, false]],
  ]
  for (const [cut, expected] of cuts) {
    made.cut(cut)
    assert.deepEqual(await seen(), expected, JSON.stringify(cut))
    made.hosts.heal(0)
  }
  assert.deepEqual(await seen(), [true, true])
})

test('nothing is left of hosts that are done with, and those that are made beside them stay', options, () => {
  const links = (): string => spawnSync('ip', ['-o', 'link'], { encoding: 'utf8' }).stdout
  const names = (): string => spawnSync('ip', ['netns', 'list'], { encoding: 'utf8' }).stdout
  const own = (text: string): string[] => text.match(new RegExp(`(?:ob|ov|ottla-)${process.pid}\\b[-\\d]*`, 'g')) ?? []
  assert.deepEqual([...own(links()), ...own(names())], [])
  const hosts = new Hosts(3)
  assert.equal(own(names()).length, 3)
  hosts[Symbol.dispose]()
  hosts[Symbol.dispose]()
  assert.deepEqual([...own(links()), ...own(names())], [])
})
