import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { diskContract } from './disk-contract.ts'
import { NodeDisk } from './node-disk.ts'

const base = mkdtempSync(join(tmpdir(), 'ottla-disk-'))
after(() => rmSync(base, { recursive: true }))

function newRoot(): string {
  return mkdtempSync(join(base, 'root-'))
}

diskContract('NodeDisk', () => ({ disk: new NodeDisk(), root: newRoot() }))

/** Holds the directory's lock until it is killed; says when it has it. */
const HOLDER = `
const [modulePath, root] = process.argv.slice(-2)
const { NodeDisk } = await import(modulePath)
globalThis.lock = new NodeDisk().lockDirectory(root)
process.stdout.write('locked')
process.stdin.resume()
`

describe('NodeDisk', () => {
  test('a lock is held against other processes and is free once its holder was killed', async () => {
    const root = newRoot()
    const modulePath = fileURLToPath(new URL('./node-disk.ts', import.meta.url))
    const holder = spawn(process.execPath, ['--input-type=module', '-e', HOLDER, modulePath, root])
    await once(holder.stdout, 'data')
    assert.throws(() => new NodeDisk().lockDirectory(root), { code: 'ELOCKED' })
    holder.kill('SIGKILL')
    await once(holder, 'exit')
    new NodeDisk().lockDirectory(root).release()
  })

  test('a full disk is an error with its code', { skip: process.platform !== 'linux' }, () => {
    const file = new NodeDisk().open('/dev/full')
    assert.throws(() => file.write(Buffer.from('a'), 0), { name: 'DiskError', code: 'ENOSPC' })
    file.close()
  })

  test('a file with a read or a sync in flight cannot be closed', async () => {
    const file = new NodeDisk().open(`${newRoot()}/a`, { create: true })
    for (const begin of [() => file.sync(), () => file.read(Buffer.alloc(1), 0)]) {
      const inFlight = begin()
      assert.throws(() => file.close(), /in flight/)
      await inFlight
    }
    file.close()
  })

  test('an error names the operation, the path and the cause', () => {
    const path = `${newRoot()}/none`
    assert.throws(
      () => new NodeDisk().readFile(path),
      (error: Error) => error.message.startsWith(`Cannot read "${path}"`) && error.cause instanceof Error,
    )
  })
})
