/**
 * A broker whose disk is in trouble: `scripts/node26 interop/disks/run.ts [NAME…] [--transcript FILE]`. What
 * must hold in each part: clients are told plainly, nothing that was acknowledged is lost, everything else is served,
 * and the broker comes back by itself. See interop/README.md.
 */
import { spawnSync } from 'node:child_process'
import { parseArgs } from 'node:util'
import { run } from '../processes.ts'
import { runParts } from '../run-parts.ts'
import { tooManyOpenFiles } from './open-files.ts'
import { OWN_MOUNTS, readOnlyDirectory } from './read-only.ts'
import { slowDirectory, slowDisk } from './slow-disk.ts'

const { values, positionals } = parseArgs({ allowPositionals: true, options: { transcript: { type: 'string' } } })

process.exitCode = (await isToBeUnshared()) ? runUnshared() : await runHere()

async function isToBeUnshared(): Promise<boolean> {
  if (process.env[OWN_MOUNTS] !== undefined || process.platform !== 'linux') return false
  return (await run('unshare', ['--mount', 'true']).catch(() => null))?.exitCode === 0
}

/** The same again, with mounts that nobody else sees and that go with the process. */
function runUnshared(): number {
  const args = ['--mount', process.execPath, ...process.execArgv, ...process.argv.slice(1)]
  const { status } = spawnSync('unshare', args, { stdio: 'inherit', env: { ...process.env, [OWN_MOUNTS]: '1' } })
  return status ?? 1
}

async function runHere(): Promise<number> {
  return await runParts(
    [
      { name: 'a directory that is read-only for a while', run: readOnlyDirectory },
      { name: 'too many open files for a while', run: tooManyOpenFiles },
      { name: 'a disk that is slow for a while', run: slowDisk },
      { name: 'one of two directories is slow', run: slowDirectory },
    ],
    {
      ...{ title: 'Ottla with a disk in trouble', wanted: positionals },
      facts: ['acks=all, one batch in flight for each partition that is written to, 100 KB in a batch'],
      ...(values.transcript === undefined ? {} : { transcriptPath: values.transcript }),
    },
  )
}
