import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { FakeTime } from './fake-time.ts'
import { MemoryLogger } from './memory-logger.ts'
import { NodeLogger, type NodeLoggerOptions } from './node-logger.ts'

function logger(options: Partial<NodeLoggerOptions> = {}): { log: NodeLogger; lines: string[] } {
  const lines: string[] = []
  const clock = new FakeTime({ wallMs: Date.parse('2026-03-01T12:00:00.000Z') })
  const write = (line: string) => void lines.push(line)
  return { log: new NodeLogger({ clock, level: 'info', format: 'json', write, ...options }), lines }
}

describe('NodeLogger', () => {
  test('a line is one JSON object with time, level, message and fields', () => {
    const { log, lines } = logger()
    log.child({ topic: 't' }).warn('It is "late"\n', { partition: 3, offset: 2n ** 60n })
    assert.equal(lines.length, 1)
    assert.equal(lines[0]!.indexOf('\n'), lines[0]!.length - 1)
    assert.deepEqual(JSON.parse(lines[0]!), {
      time: '2026-03-01T12:00:00.000Z',
      level: 'warn',
      message: 'It is "late"\n',
      topic: 't',
      partition: 3,
      offset: String(2n ** 60n),
    })
  })

  test('levels below the lowest are left out', () => {
    const { log, lines } = logger({ level: 'warn' })
    log.debug('a')
    log.info('b')
    log.warn('c')
    log.error('d')
    assert.deepEqual(
      lines.map((line) => JSON.parse(line).message),
      ['c', 'd'],
    )
  })

  test('an error is written with its message, stack, own fields and causes', () => {
    const { log, lines } = logger()
    const cause = Object.assign(new Error('no space'), { code: 'ENOSPC' })
    log.error('Write failed', { error: new TypeError('outer', { cause }) })
    const { error } = JSON.parse(lines[0]!)
    assert.deepEqual(
      [error.name, error.message, error.cause.message, error.cause.code],
      ['TypeError', 'outer', 'no space', 'ENOSPC'],
    )
    assert.match(error.stack, /node-logger\.test/)
  })

  test('a field that refers to itself does not cost the line', () => {
    const { log, lines } = logger()
    const self: { self?: unknown } = {}
    self.self = self
    log.info('Round', { self })
    assert.equal(JSON.parse(lines[0]!).message, 'Round')
  })

  test('lines for people show fields and whole errors', () => {
    const { log, lines } = logger({ format: 'human' })
    log.info('Started', { port: 9092, name: 'b' })
    log.error('Broken', { error: new Error('why'), topic: 't' })
    assert.equal(lines[0], '2026-03-01T12:00:00.000Z INFO  Started port=9092 name=b\n')
    assert.match(lines[1]!, /^2026-03-01T12:00:00\.000Z ERROR Broken topic=t\n {2}Error: why\n/)
  })
})

describe('MemoryLogger', () => {
  test('keeps the lines of children with the fields of their parents', () => {
    const log = new MemoryLogger()
    log.info('a')
    log.child({ x: 1 }).child({ y: 2 }).debug('b', { x: 3 })
    assert.deepEqual(log.lines, [
      { level: 'info', message: 'a', fields: {} },
      { level: 'debug', message: 'b', fields: { x: 3, y: 2 } },
    ])
  })
})
