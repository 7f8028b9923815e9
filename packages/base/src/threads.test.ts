/** What both kinds of threads promise, and what each does in its own way. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { test } from 'node:test'
import { systemClock } from './clock.ts'
import type { Disk } from './disk.ts'
import { FakeTime } from './fake-time.ts'
import { InlineThreads } from './inline-threads.ts'
import { MemoryDisk } from './memory-disk.ts'
import { NodeDisk } from './node-disk.ts'
import { NodeThreads } from './node-threads.ts'
import { systemTimers } from './node-timers.ts'
import { type CountInput, countJob } from './threads.fixture.ts'
import { JobError, JobStoppedError, Pace, type RunOptions, type Threads } from './threads.ts'

interface Started {
  readonly threads: Threads
  readonly disk: Disk
  readonly directory: string
}

const KINDS: Readonly<Record<string, () => Started>> = {
  inline: () => {
    const disk = new MemoryDisk()
    return { threads: new InlineThreads({ disk, clock: systemClock, timers: systemTimers }), disk, directory: '/' }
  },
  worker: () => {
    const directory = mkdtempSync(`${tmpdir()}/threads-`)
    return { threads: new NodeThreads({ timers: systemTimers }), disk: new NodeDisk(), directory }
  },
}

for (const [kind, start] of Object.entries(KINDS)) {
  async function withThreads(use: (started: Started) => Promise<void>): Promise<void> {
    const started = start()
    try {
      await use(started)
    } finally {
      await started.threads[Symbol.asyncDispose]()
      if (kind === 'worker') rmSync(started.directory, { recursive: true })
    }
  }

  function run(
    threads: Threads,
    input: Partial<CountInput>,
    options: Partial<RunOptions<number>> = {},
  ): Promise<number> {
    return threads.run(
      countJob,
      { to: 5, path: null, ...input },
      {
        ...{ onReport: () => {}, signal: new AbortController().signal, costPerSecondMax: Number.POSITIVE_INFINITY },
        ...options,
      },
    )
  }

  test(`${kind}: a job’s reports come in order, before its result`, () =>
    withThreads(async ({ threads }) => {
      const reports: number[] = []
      assert.equal(await run(threads, {}, { onReport: (report) => void reports.push(report) }), 15)
      assert.deepEqual(reports, [1, 2, 3, 4, 5])
    }))

  test(`${kind}: jobs run one after another, on the disk`, () =>
    withThreads(async ({ threads, disk, directory }) => {
      const path = `${directory}/count`
      const results = await Promise.all([run(threads, { path, to: 3 }), run(threads, { path, to: 2 })])
      assert.deepEqual(results, [6, 3])
      assert.equal(String(disk.readFile(path)), '2')
    }))

  test(`${kind}: a job that fails tells why, and the next one runs`, () =>
    withThreads(async ({ threads }) => {
      await assert.rejects(run(threads, { failAt: 3 }), (error: JobError) => {
        return error instanceof JobError && error.message === 'Cannot count to 3' && error.code === 'ENOSPC'
      })
      assert.equal(await run(threads, {}), 15)
    }))

  test(`${kind}: a job that is stopped cleans up, and does nothing more once that is told`, () =>
    withThreads(async ({ threads, disk, directory }) => {
      const path = `${directory}/count`
      const stop = new AbortController()
      let reports = 0
      const onReport = () => {
        reports++
        stop.abort()
      }
      const running = run(threads, { path, to: 1e9 }, { onReport, signal: stop.signal, costPerSecondMax: 100 })
      await assert.rejects(running, JobStoppedError)
      assert.ok(reports >= 1 && reports < 1000)
      assert.ok(!disk.exists(path))
      assert.equal(await run(threads, {}), 15)
    }))
}

test('a worker that dies fails its job alone', async () => {
  const threads = new NodeThreads({ timers: systemTimers })
  const options = { onReport: () => {}, signal: new AbortController().signal, costPerSecondMax: Infinity }
  const dying = threads.run(countJob, { to: 5, path: null, exitAt: 2 }, options)
  await assert.rejects(dying, (error: JobError) => error instanceof JobError && error.code === null)
  assert.equal(await threads.run(countJob, { to: 5, path: null }, options), 15)
  await threads[Symbol.asyncDispose]()
})

test('the worker is there while there is work, and ends when it has been idle for long', async () => {
  const time = new FakeTime()
  const threads = new NodeThreads({ timers: time, idleMs: 1000 })
  assert.ok(!threads.isWorkerRunning)
  const options = { onReport: () => {}, signal: new AbortController().signal, costPerSecondMax: Infinity }
  await threads.run(countJob, { to: 1, path: null }, options)
  time.advance(999)
  assert.ok(threads.isWorkerRunning)
  time.advance(1)
  assert.ok(!threads.isWorkerRunning)
  await threads[Symbol.asyncDispose]()
})

test('in line a step is done at the end of each turn, and the pace puts it off', async () => {
  const time = new FakeTime()
  const threads = new InlineThreads({ disk: new MemoryDisk(), clock: time, timers: time })
  const reports: number[] = []
  const options = { onReport: (report: number) => void reports.push(report), signal: new AbortController().signal }
  const running = threads.run(countJob, { to: 3, path: null }, { ...options, costPerSecondMax: 10 })
  await time.settle()
  assert.deepEqual(reports, [1])
  await time.run(100)
  assert.deepEqual(reports, [1, 2])
  await time.run(200)
  assert.equal(await running, 6)
})

test('in line a job that is stopped does not wait for its pace', async () => {
  const time = new FakeTime()
  const threads = new InlineThreads({ disk: new MemoryDisk(), clock: time, timers: time })
  const stop = new AbortController()
  const options = { onReport: () => {}, signal: stop.signal, costPerSecondMax: 0.001 }
  const running = threads.run(countJob, { to: 3, path: null }, options)
  await time.settle()
  stop.abort()
  await time.settle()
  await assert.rejects(running, JobStoppedError)
  assert.equal(time.pendingTimers, 0)
})

test('a pace is kept over all steps together', () => {
  const pace = new Pace(1000, 50)
  assert.equal(pace.restMs(100, 50), 100)
  assert.equal(pace.restMs(100, 150), 100)
  assert.equal(pace.restMs(100, 400), 0, 'it is behind')
  assert.equal(new Pace(Number.POSITIVE_INFINITY, 0).restMs(1e9, 0), 0)
})
