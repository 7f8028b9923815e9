import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { deferred } from './deferred.ts'
import { nodeCompanions } from './node-companion.ts'

const directory = mkdtempSync(join(tmpdir(), 'ottla-companion-'))
after(() => rmSync(directory, { recursive: true }))

function threadOf(body: string): URL {
  const path = join(directory, `${body.length}.ts`)
  const base = new URL('./node-companion.ts', import.meta.url)
  writeFileSync(path, `import { serveCompanion } from '${base}'\nserveCompanion((host) => {\n${body}\n})\n`)
  return pathToFileURL(path)
}

test('a companion is handed its data, answers messages and shares memory', async () => {
  const module = threadOf(`
    host.onMessage = (message) => {
      Atomics.add(new Int32Array(host.data.shared), 0, message.add)
      host.post('added')
    }`)
  const shared = new SharedArrayBuffer(4)
  const answered = deferred<unknown>()
  const options = { data: { shared }, onMessage: answered.resolve, onFailure: answered.reject }
  await using thread = nodeCompanions.start(module, options)
  thread.post({ add: 7 })
  assert.equal(await answered.promise, 'added')
  assert.equal(new Int32Array(shared)[0], 7)
})

test('a companion that throws is told, with what it threw', async () => {
  const failed = deferred<Error>()
  const options = { data: null, onMessage: () => {}, onFailure: failed.resolve }
  await using _thread = nodeCompanions.start(threadOf(`throw new Error('out of order')`), options)
  assert.match((await failed.promise).message, /out of order/)
})
