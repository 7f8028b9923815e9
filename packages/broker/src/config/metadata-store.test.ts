import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MetadataStoreProblem, metadataStorePlace } from './metadata-store.ts'

const plain = { type: 'etcd', addresses: ['h1:2379'], prefix: '/ottla', compacts: false, tls: null, account: null }

const PLACES: readonly (readonly [text: string, place: object])[] = [
  ['embedded', { type: 'embedded' }],
  ['etcd://h1', plain],
  ['etcd://h1:2379/', plain],
  ['etcd://h1,h2:12379,[::1]:1/a/b/', { ...plain, addresses: ['h1:2379', 'h2:12379', '[::1]:1'], prefix: '/a/b' }],
  ['etcd://h1?compact=true', { ...plain, compacts: true }],
  ['etcds://h1', { ...plain, tls: { ca: null, cert: null, key: null } }],
  ['etcds://h1?ca=/c&cert=/d&key=/k', { ...plain, tls: { ca: '/c', cert: '/d', key: '/k' } }],
  ['etcd://me:a%40b:c@h1', { ...plain, account: { user: 'me', password: { text: 'a@b:c' } } }],
  ['etcd://me@h1?password-file=/p', { ...plain, account: { user: 'me', password: { file: '/p' } } }],
  ['etcd://h1?user=me&password-file=/p', { ...plain, account: { user: 'me', password: { file: '/p' } } }],
]

for (const [text, place] of PLACES) {
  test(`"${text}" is a place for metadata`, () => assert.deepEqual(metadataStorePlace(text), place))
}

const PROBLEMS: readonly (readonly [text: string, told: RegExp])[] = [
  ['zookeeper', /expected embedded or etcd:/],
  ['etcd://', /expected embedded or etcd:/],
  ['etcd://h1:0', /"h1:0" is not of the form host:port/],
  ['etcd://h1,,h2', /"" is not of the form host:port/],
  ['etcd://h1,h1:2379', /a host comes twice/],
  ['etcd://h1?compakt=true', /no option "compakt"; there are ca, /],
  ['etcd://h1?compact=yes', /expected compact=true or compact=false/],
  ['etcd://h1?compact=true&compact=true', /"compact" comes twice/],
  ['etcd://h1?ca=', /"ca" is empty/],
  ['etcd://h1?ca=/c', /for etcds:/],
  ['etcds://h1?cert=/c', /cert and key go together/],
  ['etcd://h1/a//b', /cannot be a prefix/],
  ['etcd://h1/~own', /cannot be a prefix/],
  ['etcd://h1/%zz', /two hexadecimal digits/],
  ['etcd://me@h1', /neither password nor password-file/],
  ['etcd://:secret@h1', /a password without a user/],
  ['etcd://me:secret@h1?user=you', /two users/],
  ['etcd://me:secret@h1?password-file=/p', /two passwords/],
]

for (const [text, told] of PROBLEMS) {
  test(`"${text}" is refused, without its secrets`, () => {
    const isTold = (error: Error) =>
      error instanceof MetadataStoreProblem && told.test(error.message) && !/secret/.test(error.message)
    assert.throws(() => metadataStorePlace(text), isTold)
  })
}
