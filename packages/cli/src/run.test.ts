import assert from 'node:assert/strict'
import { test } from 'node:test'
import { run } from './testing.ts'

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
    [['log', 'dump', 'x.log', '--limit', '0'], /whole number from 1/],
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

test('completion knows commands, options and where topics are named', async () => {
  for (const shell of ['bash', 'zsh', 'fish']) {
    const { code, out } = await run(['completion', shell])
    assert.equal(code, 0)
    for (const word of ['add-partitions', 'key-separator', 'topic list', 'reset-offsets', 'group list'])
      assert.match(out, new RegExp(word), shell)
  }
})

test('the commands that move replicas have options of their own, and are refused by name where these are wrong', async () => {
  const rows: [args: string[], code: number, text: RegExp][] = [
    [['cluster', 'balance', '--throttle', '10M', '--execute'], 2, /is no rate/],
    [['cluster', 'drain', 'x'], 2, /not a whole number/],
    [['cluster', 'drain'], 2, /missing required argument/],
    [['cluster', 'balance', '--throttle', '10MB'], 2, /with --execute alone/],
    [['cluster', 'plan', '--bootstrap', 'nobody:1'], 3, /nobody:1/],
    [['cluster', '--bootstrap', 'somebody:2'], 3, /somebody:2/],
  ]
  for (const [args, code, text] of rows) {
    const done = await run(args)
    assert.equal(done.code, code, args.join(' '))
    assert.match(done.err, text)
  }
  assert.match((await run(['cluster', 'drain', '--help'])).out, /--execute[\s\S]*--throttle/)
})
