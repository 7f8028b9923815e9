import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '@ottla/base/clock.ts'
import type { StandardStreams } from '@ottla/base/standard-streams.ts'
import { BrokersUnreachableError } from '@ottla/client/errors.ts'
import { runCommand } from './run.ts'

/** A batch as Kafka's own classes write it: three records at 2023-11-14T22:13:20Z, the first with key k1 and value v1. */
const BATCH_HEX =
  '00000000000000000000006affffffff021b1467820000000000020000018bcfe568000000018bcfe56805ffffffffffffffffffffffffffff00' +
  '00000322000000046b310476310402680278026e013a000a02012e68656c6c6f2068656c6c6f2068656c6c6f2068656c6c6f0010001304046b33' +
  '0100'

/** Runs a command without a process; brokers cannot be reached, files are as given. */
async function run(args: readonly string[], files: Readonly<Record<string, Buffer>> = {}) {
  const out: Buffer[] = []
  const err: string[] = []
  const fileOf = (path: string): Buffer => {
    const bytes = files[path]
    if (bytes === undefined) throw Object.assign(new Error(`ENOENT: no such file, open '${path}'`), { code: 'ENOENT' })
    return bytes
  }
  const streams: StandardStreams = {
    input: async function* () {},
    file: async function* (path) {
      yield fileOf(path)
    },
    wholeFile: async (path) => fileOf(path),
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
  const code = await runCommand(args, { streams, clock: systemClock, signal: new AbortController().signal, openClient })
  return { code, out: Buffer.concat(out).toString(), err: err.join('') }
}

test('without arguments the help lists every command and the exit codes', async () => {
  const { code, out } = await run([])
  assert.equal(code, 0)
  for (const word of ['start', 'topic', 'produce', 'consume', 'group', 'cluster', 'log', 'completion', 'Exit codes'])
    assert.match(out, new RegExp(word))
})

test('wrong use is exit code 2 and says what is wrong', async () => {
  const cases: readonly (readonly [string[], RegExp])[] = [
    [['bogus'], /unknown command 'bogus'/],
    [['topic', 'create'], /missing required argument/],
    [['topic', 'create', 'a', '--partitions', '0'], /whole number from 1/],
    [['topic', 'add-partitions', 'a'], /--total/],
    [['topic', 'alter', 'a'], /--set NAME=VALUE/],
    [['produce', 't', '--compression', 'rar'], /none, gzip, snappy, lz4, zstd/],
    [['produce', 't', '--header', 'x'], /NAME=VALUE/],
    [['consume', 't', '--from', 'x'], /no position/],
    [['consume', 't', '--follow', '--until', 'end'], /--follow never ends/],
    [['consume', 't', '--json', '--format', '%v'], /not both/],
    [['consume', 't', '--format', '%q'], /unknown/],
    [['consume', 't', '--partitions', '3-1'], /backwards/],
    [['consume', 't', '--protocol', 'classic'], /give --group/],
    [['consume', 't', '--group', 'g', '--until', 'end'], /leave out --partitions and --until/],
    [['consume', 't', '--group', 'g', '--from', '5'], /beginning or end/],
    [['consume', 't', '--group', 'g', '--commit-every', '0'], /whole number from 1/],
    [['group', 'describe'], /missing required argument/],
    [['group', 'reset-offsets', 'g', '--all-topics'], /one of --to, --shift-by/],
    [['group', 'reset-offsets', 'g', '--all-topics', '--to', '1', '--shift-by', '2'], /one of --to, --shift-by/],
    [['group', 'reset-offsets', 'g', '--to', 'latest'], /--topic or --all-topics/],
    [['group', 'reset-offsets', 'g', '--topic', 't:x', '--to', 'latest'], /no list of partitions/],
    [['group', 'reset-offsets', 'g', '--all-topics', '--by-duration', '1h'], /no duration/],
    [['log', 'dump', 'x.txt'], /is no \.log/],
    [['completion', 'tcsh'], /bash, zsh, fish/],
  ]
  for (const [args, message] of cases) {
    const { code, err } = await run(args)
    assert.equal(code, 2, args.join(' '))
    assert.match(err, message, args.join(' '))
  }
})

test('no broker is exit code 3 with what to do, a missing file exit code 4', async () => {
  const unreachable = await run(['topic', 'list', '--bootstrap', 'h:1'])
  assert.equal(unreachable.code, 3)
  assert.match(unreachable.err, /Cannot reach any broker \(h:1\)[\s\S]*--bootstrap/)
  assert.equal((await run(['log', 'dump', '/d/00000000000000000000.log'])).code, 4)
})

test('log dump shows batches and records, and fails where the file is damaged', async () => {
  const bytes = Buffer.from(BATCH_HEX, 'hex')
  const path = '00000000000000000000.log'
  const sound = await run(['log', 'dump', path, '--records'], { [path]: bytes })
  assert.equal(sound.code, 0)
  assert.match(sound.out, /^at 0: offsets 0-2 \(3 records\), 118 bytes, none.*2023-11-14T22:13:20.005Z\n/)
  assert.match(
    sound.out,
    /\n {2}\{"offset":0,"timestamp":1700000000000,"key":"k1","value":"v1","headers":\[\{"key":"h","value":"x"\}/,
  )
  const torn = await run(['log', 'dump', path], { [path]: bytes.subarray(0, bytes.length - 1) })
  assert.equal(torn.code, 1)
  assert.match(torn.err, /not whole/)
  bytes[bytes.length - 1]! ^= 1
  const damaged = await run(['log', 'dump', path, '--json'], { [path]: bytes })
  assert.equal(damaged.code, 1)
  assert.equal(JSON.parse(damaged.out).isCrcValid, false)
})

test('checkpoints and indexes are shown as tables', async () => {
  const checkpoint = await run(['log', 'dump', 'recovery-point-offset-checkpoint'], {
    'recovery-point-offset-checkpoint': Buffer.from('0\n1\nt 0 5\n'),
  })
  assert.equal(checkpoint.out, 'TOPIC  PARTITION  OFFSET\nt      0          5\n')
  const index = Buffer.alloc(16)
  index.writeInt32BE(3, 0)
  index.writeInt32BE(500, 4)
  const shown = await run(['log', 'dump', '00000000000000000040.index'], { '00000000000000000040.index': index })
  assert.equal(shown.out, 'OFFSET  POSITION\n    43       500\n')
})

test('completion knows commands, options and where topics are named', async () => {
  for (const shell of ['bash', 'zsh', 'fish']) {
    const { code, out } = await run(['completion', shell])
    assert.equal(code, 0)
    for (const word of ['add-partitions', 'key-separator', 'topic list', 'reset-offsets', 'group list'])
      assert.match(out, new RegExp(word), shell)
  }
})
