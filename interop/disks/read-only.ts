/**
 * One of two log directories is read-only for a while. A file system that somebody writes to cannot be remounted, so a
 * read-only view of it is mounted over it: what is opened by name is refused with EROFS, as after the kernel's own
 * remount; only files that were open already can still be written to.
 */
import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { DescribeLogDirs } from '@ottla/protocol/apis/35-describe-log-dirs.ts'
import { errorName } from '@ottla/protocol/errors.ts'
import { BrokerProcess } from '../broker-process.ts'
import { connect, createTopic } from '../cluster.ts'
import { succeed } from '../processes.ts'
import { SkipError } from '../run-parts.ts'
import { SmallDisk } from '../small-disk.ts'
import { TempDirectory } from '../temp-directory.ts'
import type { Step } from '../transcript.ts'
import { SteadyLoad } from './steady-load.ts'
import { checkKept, goThrough } from './trouble.ts'

/** Set by run.ts for a process that has a mount namespace of its own. */
export const OWN_MOUNTS = 'OTTLA_OWN_MOUNTS'

const DISK_BYTES = 512 * 1024 * 1024
const TOPIC = 'read-only'
const PARTITIONS = 4
/** The least that a topic may have: a file is created several times in a second. */
const SEGMENT_BYTES = 1024 * 1024

export async function readOnlyDirectory(steps: Step[]): Promise<string> {
  refuseSharedMounts()
  using directory = new TempDirectory('read-only')
  const disk = await SmallDisk.mount(DISK_BYTES)
  if ('skip' in disk) throw new SkipError(disk.skip)
  await using _disk = disk
  const dataDir = `${directory.of('data')},${disk.path}`
  await using broker = await BrokerProcess.start({ dataDir })
  await using connection = await connect(broker)
  await createTopic(connection, {
    ...{ name: TOPIC, partitions: PARTITIONS, configs: { 'segment.bytes': String(SEGMENT_BYTES) } },
  })
  const [onDisk, elsewhere] = [partitionIn(disk.path), partitionIn(directory.of('data'))]
  await using hit = await SteadyLoad.start(broker, { topic: TOPIC, partition: onDisk })
  await using spared = await SteadyLoad.start(broker, { topic: TOPIC, partition: elsewhere })
  const found = await goThrough(
    {
      ...{ broker, hit, spared },
      begin: () => coverReadOnly(disk.path),
      meanwhile: async () => {
        const { results } = await connection.request(DescribeLogDirs, { topics: null })
        const errors = results.map(({ logDir, errorCode }) => [logDir === disk.path, errorName(errorCode)])
        assert.deepEqual(errors.toSorted(), [
          [false, 'NONE'],
          [true, 'KAFKA_STORAGE_ERROR'],
        ])
      },
      end: async () => void (await succeed('umount', ['--lazy', disk.path])),
    },
    steps,
  )
  return `${found}; ${await checkKept(broker, dataDir, [hit, spared])}`
}

async function coverReadOnly(path: string): Promise<void> {
  await succeed('mount', ['--bind', path, path])
  await succeed('mount', ['-o', 'remount,bind,ro', path])
}

function partitionIn(path: string): number {
  const name = readdirSync(path).find((one) => one.startsWith(`${TOPIC}-`))
  assert(name !== undefined, `Partitions go to all log directories, ${path} too`)
  return Number(name.slice(TOPIC.length + 1))
}

/** Whatever goes wrong, no mount is left on the machine. */
function refuseSharedMounts(): void {
  if (process.env[OWN_MOUNTS] === undefined) throw new SkipError('needs unshare, and root, for mounts of its own')
}
