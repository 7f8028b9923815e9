import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { differences } from './compare.ts'

const paths = (kafka: unknown, ottla: unknown) => differences([kafka], [ottla]).map(({ path }) => path)

describe('comparing replies', () => {
  test('replies that are alike differ nowhere', () => {
    const reply = { errorCode: 'NONE', topics: [{ name: '@a', partitions: [] }], clusterId: null }
    assert.deepEqual(paths(reply, structuredClone(reply)), [])
  })

  test('a difference is told by the names on its way', () => {
    const reply = (errorCode: string) => ({ topics: [{ name: '@a', partitions: [{ index: 0, errorCode }] }] })
    assert.deepEqual(differences([reply('NONE')], [reply('INVALID_RECORD')]), [
      { path: 'step 1: topics[@a].partitions[0].errorCode', kafka: 'NONE', ottla: 'INVALID_RECORD' },
    ])
  })

  test('what one side lacks is absent there, on either side', () => {
    const [one, two] = [[{ name: 'a' }], [{ name: 'a' }, { name: 'b' }]]
    assert.deepEqual(differences([one], [two]), [{ path: 'step 1:[b]', kafka: '<absent>', ottla: { name: 'b' } }])
    assert.deepEqual(differences([two], [one]), [{ path: 'step 1:[b]', kafka: { name: 'b' }, ottla: '<absent>' }])
    assert.deepEqual(paths({ a: null }, {}), ['step 1: a'])
  })

  test('another order of the same things is one difference', () => {
    assert.deepEqual(paths([{ name: 'a' }, { name: 'b' }], [{ name: 'b' }, { name: 'a' }]), ['step 1: order'])
  })

  test('lists of things without names are compared by place and length', () => {
    assert.deepEqual(paths([1, 2], [1, 3]), ['step 1:[1]'])
    assert.deepEqual(paths([1, 2], [1]), ['step 1:'])
  })

  test('a connection that was closed differs from a reply, and a missing step from any', () => {
    assert.deepEqual(paths('<closed>', { errorCode: 'NONE' }), ['step 1:'])
    assert.deepEqual(
      differences(['<closed>', 'x'], ['<closed>']).map(({ path }) => path),
      ['step 2:'],
    )
  })
})
