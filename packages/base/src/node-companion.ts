/** Companions by node:worker_threads: the side that starts one, and the side inside it. */
import { parentPort, Worker, workerData } from 'node:worker_threads'
import { assert } from './assert.ts'
import type { Companion, CompanionHost, CompanionOptions, Companions } from './companion.ts'

class NodeCompanions implements Companions {
  start(module: URL, options: CompanionOptions): Companion {
    const worker = new Worker(module, { workerData: options.data })
    worker.unref()
    worker.on('message', options.onMessage)
    worker.on('error', options.onFailure)
    return {
      post: (message) => worker.postMessage(message),
      async [Symbol.asyncDispose]() {
        await worker.terminate()
      },
    }
  }
}

export const nodeCompanions: Companions = new NodeCompanions()

/** For the module of a thread: runs its function with the way to who started it. */
export function serveCompanion(run: (host: CompanionHost) => void): void {
  const port = parentPort
  assert(port !== null, 'This module runs in a thread of its own')
  const host: CompanionHost = {
    data: workerData,
    onMessage: () => {},
    post: (message) => port.postMessage(message),
  }
  port.on('message', (message) => host.onMessage(message))
  run(host)
}
