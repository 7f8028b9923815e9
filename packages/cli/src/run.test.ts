import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BATCH_HEX, run } from './testing.ts'

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
  const path = '/d/00000000000000000000.log'
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
  const checkpoint = await run(['log', 'dump', '/d/recovery-point-offset-checkpoint'], {
    '/d/recovery-point-offset-checkpoint': Buffer.from('0\n1\nt 0 5\n'),
  })
  assert.equal(checkpoint.out, 'TOPIC  PARTITION  OFFSET\nt      0          5\n')
  const index = Buffer.alloc(16)
  index.writeInt32BE(3, 0)
  index.writeInt32BE(500, 4)
  const shown = await run(['log', 'dump', '/d/00000000000000000040.index'], { '/d/00000000000000000040.index': index })
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
