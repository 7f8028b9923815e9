/** Owns what the command line's tests share: a command run without a process, and files for it to read. */
import { systemClock } from '@ottla/base/clock.ts'
import { MemoryDisk } from '@ottla/base/memory-disk.ts'
import type { StandardStreams } from '@ottla/base/standard-streams.ts'
import { BrokersUnreachableError } from '@ottla/client/errors.ts'
import { runCommand } from './run.ts'

/** A batch as Kafka's own classes write it: three records at 2023-11-14T22:13:20Z, the first with key k1 and value v1. */
export const BATCH_HEX =
  '00000000000000000000006affffffff021b1467820000000000020000018bcfe568000000018bcfe56805ffffffffffffffffffffffffffff00' +
  '00000322000000046b310476310402680278026e013a000a02012e68656c6c6f2068656c6c6f2068656c6c6f2068656c6c6f0010001304046b33' +
  '0100'

/** Runs a command without a process; brokers cannot be reached, and the disk holds these files alone. */
export async function run(args: readonly string[], files: Readonly<Record<string, Buffer>> = {}) {
  const out: Buffer[] = []
  const err: string[] = []
  const disk = diskWith(files)
  const streams: StandardStreams = {
    input: async function* () {},
    file: async function* (path) {
      yield disk.readFile(path)
    },
    wholeFile: async (path) => disk.readFile(path),
    write: (bytes) => {
      out.push(Buffer.from(bytes as string))
      return null
    },
    drained: async () => {},
    writeError: (text) => void err.push(text),
    inputIsTerminal: false,
    outputIsTerminal: false,
    errorIsTerminal: false,
    outputClosed: new AbortController().signal,
  }
  const openClient = async (bootstrap: string): Promise<never> => {
    throw new BrokersUnreachableError(`Cannot reach any broker (${bootstrap})`)
  }
  const { signal } = new AbortController()
  const code = await runCommand(args, { streams, clock: systemClock, disk, signal, openClient })
  return { code, out: Buffer.concat(out).toString(), err: err.join('') }
}

function diskWith(files: Readonly<Record<string, Buffer>>): MemoryDisk {
  const disk = new MemoryDisk()
  for (const [path, bytes] of Object.entries(files)) {
    disk.makeDirectory(path.slice(0, path.lastIndexOf('/')))
    disk.replaceFile(path, bytes)
  }
  return disk
}
