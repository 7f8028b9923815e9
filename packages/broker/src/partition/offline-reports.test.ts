import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FakeTime } from '@ottla/base/fake-time.ts'
import { MemoryLogger } from '@ottla/base/memory-logger.ts'
import { ProtocolError } from '@ottla/protocol/errors.ts'
import type { FailedLog, FailedLogs } from '../metadata/failed-log-plans.ts'
import { clusterImage, TOPIC_ID } from '../metadata/plan-image.ts'
import { OfflineReports } from './offline-reports.ts'

const AGAIN_MS = 1000

function world() {
  const time = new FakeTime()
  const told: FailedLogs[] = []
  const state = {
    image: clusterImage([{}, {}, {}]),
    logs: [] as FailedLog[],
    outcome: null as null | ProtocolError,
    error: null as null | Error,
  }
  const reports = new OfflineReports({
    ...{ brokerId: 1, brokerEpoch: () => 11, image: () => state.image, failedLogs: () => state.logs },
    ...{ timers: time, logger: new MemoryLogger() },
    controller: {
      reportFailedLogs: async (failed) => {
        told.push(failed)
        if (state.error !== null) throw state.error
        return state.outcome
      },
    },
  })
  const fail = (...indexes: number[]): void => {
    for (const index of indexes) {
      state.logs.push({ topicId: TOPIC_ID, index, failedEpoch: 4 })
      reports.logFailed()
    }
  }
  const indexesTold = () => told.map(({ logs }) => logs.map(({ index }) => index))
  return { time, told, state, reports, fail, indexesTold }
}

test('logs that fail in one turn are told together, as this incarnation of the broker', async () => {
  const w = world()
  w.fail(0, 1)
  await w.time.settle()
  assert.deepEqual(w.indexesTold(), [[0, 1]])
  assert.deepEqual([w.told[0]!.brokerId, w.told[0]!.brokerEpoch], [1, 11])
  w.reports[Symbol.dispose]()
})

test('what was told is told again until the image shows that it concerns nobody, then only watched', async () => {
  const w = world()
  w.state.outcome = new ProtocolError('REQUEST_TIMED_OUT')
  w.fail(0)
  await w.time.run(2 * AGAIN_MS)
  assert.deepEqual(w.indexesTold(), [[0], [0], [0]])
  w.state.image = clusterImage([{ leader: 2, isr: [2, 3], leaderEpoch: 5 }])
  await w.time.run(5 * AGAIN_MS)
  assert.equal(w.told.length, 3)
  // It was elected although its log is offline: nobody else knew.
  w.state.image = clusterImage([{ leader: 1, isr: [1], leaderEpoch: 6 }])
  await w.time.run(AGAIN_MS)
  assert.equal(w.told.length, 4)
  w.state.logs = []
  await w.time.run(AGAIN_MS)
  assert.equal(w.time.pendingTimers, 0)
  w.fail(1)
  w.state.image = clusterImage([{}, {}])
  await w.time.settle()
  assert.deepEqual(w.indexesTold().at(-1), [1])
  w.reports[Symbol.dispose]()
})

test('a partition of this broker alone, and one that is there no more, are not told', async () => {
  const w = world()
  w.state.image = clusterImage([{ replicas: [1], isr: [1] }])
  w.fail(0, 1)
  await w.time.run(AGAIN_MS)
  assert.deepEqual(w.told, [])
  w.reports[Symbol.dispose]()
  await w.time.settle()
  assert.equal(w.time.pendingTimers, 0)
})

test('a controller that is gone in the middle is told again, and ends nothing here', async () => {
  const w = world()
  w.state.error = new Error('The broker is stopping')
  w.fail(0)
  await w.time.run(AGAIN_MS)
  w.state.error = null
  await w.time.run(AGAIN_MS)
  assert.deepEqual(w.indexesTold(), [[0], [0], [0]])
  w.reports[Symbol.dispose]()
})
