import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { editDistance, nearest } from './nearest.ts'
import { parseProperties } from './properties.ts'

const pairs = (text: string) => parseProperties(text).map(({ key, value }) => [key, value])

test('= and : and blanks end a key', () => {
  assert.deepEqual(pairs('a=1\nb:2\nc 3\nd = 4\ne\t:\t5\nf==6'), [
    ['a', '1'],
    ['b', '2'],
    ['c', '3'],
    ['d', '4'],
    ['e', '5'],
    ['f', '=6'],
  ])
})

test('comments, empty lines and a byte order mark are skipped', () => {
  assert.deepEqual(parseProperties('\uFEFF# one\n\n  ! two\r\na=1 # not a comment'), [
    { key: 'a', value: '1 # not a comment', line: 4 },
  ])
})

test("a line goes on after a backslash, without the next one's indentation", () => {
  assert.deepEqual(parseProperties('a=1,\\\n   2,\\\r\n\t3\nb=\\\\\nc=4'), [
    { key: 'a', value: '1,2,3', line: 1 },
    { key: 'b', value: '\\', line: 4 },
    { key: 'c', value: '4', line: 5 },
  ])
})

test('a # after a continued line belongs to the value', () => {
  assert.deepEqual(pairs('a=1\\\n#2'), [['a', '1#2']])
})

test('escapes are resolved in keys and values', () => {
  assert.deepEqual(pairs('a\\=b\\:c\\ d=\\t\\u00e9\\z'), [['a=b:c d', '\té' + 'z']])
  assert.throws(() => parseProperties('x=1\na=\\u12'), /Line 2: \\u needs four/)
})

test('a key alone has an empty value, and the end of the file ends a continued line', () => {
  assert.deepEqual(pairs('a\nb=1\\'), [
    ['a', ''],
    ['b', '1'],
  ])
})

test('no text makes the parser fail but for a broken \\u', () => {
  const text = fc.string({ unit: fc.constantFrom('a', '=', ':', ' ', '\\', '\n', '\r', '#', '\t') })
  fc.assert(
    fc.property(text, (written) => {
      parseProperties(written)
    }),
  )
})

test('the nearest name is the one with the fewest edits, if it is near at all', () => {
  assert.equal(editDistance('kitten', 'sitting'), 3)
  assert.equal(nearest('log.retention.hour', ['log.retention.hours', 'log.roll.hours']), 'log.retention.hours')
  assert.equal(nearest('something.else.entirely', ['log.dirs', 'listeners']), null)
})
