/** What runs in the worker thread of node-threads.ts: one job after another, each stepped without returning to the loop. */
import { parentPort } from 'node:worker_threads'
import { assert } from './assert.ts'
import { systemClock } from './clock.ts'
import { NodeDisk } from './node-disk.ts'
import type { StartMessage, WorkerMessage } from './node-threads.ts'
import { type JobFunction, Pace } from './threads.ts'

type AnyJob = JobFunction<unknown, unknown, unknown>

const port = parentPort
assert(port !== null, 'This is a worker thread')
port.on('message', (start: StartMessage) => {
  void runJob(start).then((message) => port.postMessage(message))
})

async function runJob(start: StartMessage): Promise<WorkerMessage> {
  try {
    const module = (await import(start.moduleUrl)) as Readonly<Record<string, AnyJob | undefined>>
    const job = module[start.exportName]
    assert(job !== undefined, `"${start.moduleUrl}" exports "${start.exportName}"`)
    return stepThrough(job(start.input, { disk: new NodeDisk() }), start)
  } catch (error) {
    const { message, code, stack } = error as { message?: unknown; code?: unknown; stack?: unknown }
    return { kind: 'failed', message: String(message), code: typeof code === 'string' ? code : null, stack: `${stack}` }
  }
}

function stepThrough(steps: ReturnType<AnyJob>, { stop, costPerSecondMax }: StartMessage): WorkerMessage {
  const pace = new Pace(costPerSecondMax, systemClock.monotonicMs())
  for (;;) {
    if (Atomics.load(stop, 0) === 1) {
      steps.return(undefined)
      return { kind: 'stopped' }
    }
    const step = steps.next()
    if (step.done) return { kind: 'done', result: step.value }
    const { cost, report } = step.value
    if (report !== undefined) send({ kind: 'report', report })
    const restMs = pace.restMs(cost, systemClock.monotonicMs())
    if (restMs > 0) Atomics.wait(stop, 0, 0, restMs)
  }
}

function send(message: WorkerMessage): void {
  port!.postMessage(message)
}
