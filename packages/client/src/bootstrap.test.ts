import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AddressError, addressText, parseBootstrap } from './bootstrap.ts'

test('host names, IPv4 and bracketed IPv6 addresses are understood, the port is 9092 unless given', () => {
  assert.deepEqual(parseBootstrap('a:1, 10.0.0.1:65535,[::1]:9093,[fe80::1%eth0],b'), [
    { host: 'a', port: 1 },
    { host: '10.0.0.1', port: 65535 },
    { host: '::1', port: 9093 },
    { host: 'fe80::1%eth0', port: 9092 },
    { host: 'b', port: 9092 },
  ])
})

test('what is no address is refused with the right form', () => {
  for (const text of ['', ',', 'a:', 'a:0', 'a:65536', '::1', 'http://a:1', 'a:b', '[::1', 'a b:1']) {
    assert.throws(() => parseBootstrap(text), AddressError, text)
  }
})

test('addresses are written as they are read', () => {
  assert.equal(addressText({ host: '::1', port: 9 }), '[::1]:9')
  assert.equal(addressText({ host: 'a', port: 9 }), 'a:9')
})
