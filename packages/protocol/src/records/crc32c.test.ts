import assert from 'node:assert/strict'
import { test } from 'node:test'
import { crc32c, crc32cPlain } from './crc32c.ts'
import { numbersFrom } from './mutate.fixture.ts'

test('the checksum is the Castagnoli one of the published vectors', () => {
  assert.equal(crc32c(Buffer.from('123456789')), 0xe3069283)
  assert.equal(crc32c(Buffer.alloc(32)), 0x8a9136aa)
  assert.equal(crc32c(Buffer.alloc(32, 0xff)), 0x62a8ab43)
  assert.equal(crc32c(Buffer.alloc(0)), 0)
})

test('the tables and the native module agree at every length and position', () => {
  const random = numbersFrom(7)
  const bytes = Buffer.from(Array.from({ length: 2000 }, () => random() & 0xff))
  for (let length = 0; length < 1500; length += 13) {
    for (const start of [0, 1, 21]) {
      assert.equal(crc32c(bytes, start, start + length), crc32cPlain(bytes, start, start + length))
    }
  }
})
