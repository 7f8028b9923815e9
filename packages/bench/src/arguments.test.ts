import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseBenchArguments, UsageError } from './arguments.ts'

test('a bench without arguments runs everything three times and writes no file', () => {
  const places = { json: null, plots: null, data: null }
  const numbers = { repeat: 3, historyGigabytes: null }
  const expected = { against: [], quick: false, only: null, ...numbers, ...places, list: false, modules: false }
  assert.deepEqual(parseBenchArguments([]), expected)
})

test('a quick bench runs once unless told otherwise', () => {
  assert.equal(parseBenchArguments(['--quick']).repeat, 1)
  assert.equal(parseBenchArguments(['--quick', '--repeat', '4']).repeat, 4)
})

test('every option arrives', () => {
  const places = ['--json', 'a.json', '--plots', 'p', '--data', '/mnt', '--history-gb', '2.5']
  const options = parseBenchArguments(['--against', 'kafka', '--only', '^raw', ...places, '--list', '--modules'])
  assert.deepEqual(options, {
    against: ['kafka'],
    quick: false,
    only: /^raw/,
    repeat: 3,
    historyGigabytes: 2.5,
    json: 'a.json',
    plots: 'p',
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
    [['--history-gb', '0'], /--history-gb "0"/],
    [['--history-gb', '31'], /--history-gb "31"/],
    [['--history-gb', 'all'], /--history-gb "all"/],
    [['--against', 'kafka,rabbit'], /--against "rabbit"/],
    [['--against', 'ottla'], /--against "ottla"/],
    [['--against', ''], /--against ""/],
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
