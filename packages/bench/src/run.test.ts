import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemClock } from '@ottla/base/clock.ts'
import { NodeDisk } from '@ottla/base/node-disk.ts'
import { systemTimers } from '@ottla/base/node-timers.ts'
import type { Timers } from '@ottla/base/timers.ts'
import { Broker } from '@ottla/broker/broker.ts'
import type { Contestant, ContestantName } from './contestants/contestant.ts'
import type { Generators } from './generators.ts'
import type { Group, Row } from './row.ts'
import { type RunOptions, runGroups } from './run.ts'

/** Nothing has to settle here. */
const UNHURRIED: Timers = {
  after: (delayMs, callback) => systemTimers.after(delayMs, callback),
  endOfTurn: (callback) => systemTimers.endOfTurn(callback),
  soon: (callback) => systemTimers.soon(callback),
  sleep: async () => {},
}

/** Two contestants that are both our broker, in this process, and everything that befell them. */
class World implements Disposable {
  readonly directory = mkdtempSync(join(tmpdir(), 'ottla-bench-run-'))
  readonly events: string[] = []
  readonly stop = new AbortController()

  options(more: Partial<RunOptions> = {}): RunOptions {
    return {
      ports: { clock: systemClock, timers: UNHURRIED, disk: new NodeDisk() },
      ...{ generators: {} as Generators, quick: true, directory: this.directory, repeat: 1, warmUp: [] },
      contestants: [this.contestant('ottla'), this.contestant('kafka')],
      progress: () => {},
      signal: this.stop.signal,
      ...more,
    }
  }

  row(name: string, run: (contestant: ContestantName) => void = () => {}): Row {
    return {
      ...{ name, figures: [{ name: 'rate' }], durability: 'cached', partitions: 1, quick: true },
      run: async ({ contestant }) => {
        this.events.push(`${contestant.name} ${name}`)
        run(contestant.name)
        return { figures: { rate: 1 }, messages: 1, bytes: 1, loadCpuPerMillion: null }
      },
    }
  }

  contestant(name: ContestantName): Contestant {
    return {
      ...{ name, settings: [], topicConfigs: { synced: {}, cached: {} }, describe: async () => name },
      warmUpSeconds: { full: 0, quick: 0 },
      start: async () => {
        this.events.push(`${name} starts`)
        const broker = await Broker.start({ storage: 'memory', port: 0 })
        return {
          ...{
            pid: process.pid,
            bootstrap: broker.bootstrap,
            readyMs: 1,
            logDirectory: this.directory,
            obituary: null,
          },
          signal: (signal) => void this.events.push(`${name} ${signal}`),
          loopReading: async () => null,
          [Symbol.asyncDispose]: async () => {
            this.events.push(`${name} ends`)
            await broker[Symbol.asyncDispose]()
          },
        }
      },
    }
  }

  [Symbol.dispose](): void {
    rmSync(this.directory, { recursive: true })
  }
}

function groupOf(...rows: Row[]): Group[] {
  return [{ name: 'group', hasBroker: true, rows }]
}

test('contestants take turns on every row, the other one stopped, and the order turns round', async () => {
  using world = new World()
  const [result] = await runGroups(groupOf(world.row('a')), world.options({ repeat: 2 }))
  assert.deepEqual(world.events, [
    ...['ottla starts', 'ottla a', 'ottla SIGSTOP', 'kafka starts', 'kafka a'],
    ...['kafka a', 'kafka SIGSTOP', 'ottla SIGCONT', 'ottla a'],
    ...['ottla ends', 'kafka ends'],
  ])
  assert.deepEqual(
    result!.samples.map(({ contestant, repetition }) => `${contestant} ${repetition}`),
    ['ottla 1', 'kafka 1', 'kafka 2', 'ottla 2'],
  )
})

test('a failed row takes its process with it, and the next row has a fresh one', async () => {
  using world = new World()
  const fails = world.row('fails', () => {
    throw new Error('no good')
  })
  const options = world.options()
  const results = await runGroups(groupOf(fails, world.row('b')), {
    ...options,
    contestants: [options.contestants[0]!],
  })
  assert.deepEqual(world.events, [
    ...['ottla starts', 'ottla fails', 'ottla ends'],
    ...['ottla starts', 'ottla b', 'ottla ends'],
  ])
  assert.deepEqual(results[0]!.failures, [{ contestant: 'ottla', repetition: 1, reason: 'no good' }])
  assert.equal(results[1]!.samples.length, 1)
})

test('an interrupted run ends every process and runs nothing more', async () => {
  using world = new World()
  const interrupts = world.row('interrupts', (name) => {
    if (name === 'kafka') world.stop.abort(new Error('enough'))
  })
  await assert.rejects(runGroups(groupOf(interrupts, world.row('b')), world.options()), /enough/)
  assert.deepEqual(world.events.slice(-2).toSorted(), ['kafka ends', 'ottla ends'])
  assert.ok(!world.events.some((event) => event.endsWith(' b')))
})

test('a row of one contestant is not run against the others, and brokers rest while a row brings its own', async () => {
  using world = new World()
  const alone: Row = { ...world.row('alone'), contestants: ['kafka'] }
  const { partitions: _none, ...own } = world.row('own')
  const groups: Group[] = [...groupOf(alone), { name: 'bare', hasBroker: false, rows: [own] }]
  await runGroups(groups, world.options())
  assert.deepEqual(world.events, [
    ...['kafka starts', 'kafka alone', 'kafka SIGSTOP'],
    ...['ottla own', 'kafka own', 'kafka ends'],
  ])
})
