import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseBenchArguments, UsageError } from './arguments.ts'

test('a bench without arguments runs everything three times and writes no file', () => {
  const expected = { quick: false, only: null, repeat: 3, json: null, data: null, list: false, modules: false }
  assert.deepEqual(parseBenchArguments([]), expected)
})

test('a quick bench runs once unless told otherwise', () => {
  assert.equal(parseBenchArguments(['--quick']).repeat, 1)
  assert.equal(parseBenchArguments(['--quick', '--repeat', '4']).repeat, 4)
})

test('every option arrives', () => {
  const options = parseBenchArguments(['--only', '^raw', '--json', 'a.json', '--data', '/mnt', '--list', '--modules'])
  assert.deepEqual(options, {
    quick: false,
    only: /^raw/,
    repeat: 3,
    json: 'a.json',
    data: '/mnt',
    list: true,
    modules: true,
  })
})

test('what makes no sense is refused with its name', () => {
  const refused: [string[], RegExp][] = [
    [['--repeat', '0'], /--repeat "0"/],
    [['--repeat', '101'], /--repeat "101"/],
    [['--repeat', '2.5'], /--repeat "2.5"/],
    [['--only', '('], /--only "\("/],
    [['--fast'], /--fast/],
    [['latency'], /latency/],
  ]
  for (const [argv, message] of refused) {
    assert.throws(
      () => parseBenchArguments(argv),
      (error) => error instanceof UsageError && message.test(error.message),
    )
  }
})
