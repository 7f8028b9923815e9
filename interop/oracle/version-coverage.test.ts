import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Metadata } from '@ottla/protocol/apis/03-metadata.ts'
import { ApiVersions } from '@ottla/protocol/apis/18-api-versions.ts'
import { CLOSED, NOTHING } from './run.ts'
import { ask, raw, type Step, scenario } from './scenario.ts'
import { servedByBoth, versionsAsked } from './version-coverage.ts'

const GOOD = { topics: [{ name: '@a', errorCode: 'NONE' }] }
const REFUSED = { topics: [{ name: '@a', errorCode: 'NONE' }, { topicConfigErrorCode: 'TOPIC_AUTHORIZATION_FAILED' }] }
const OWN = ask(Metadata, { topics: [] })

/** Whether version 9 counts as asked well, and badly. */
function asked(step: Step, outcome: unknown): [well: boolean, badly: boolean] {
  const one = scenario(Metadata, 'one', { covers: [], versions: [9, 9], steps: [step] })
  const { well, badly } = versionsAsked(Metadata, [one], (_, version) => (version === 9 ? [outcome] : undefined))
  return [well.has(9), badly.has(9)]
}

describe('versions of an API', () => {
  test('are asked well by what is answered without an error, and badly by the rest', () => {
    assert.deepEqual(asked(OWN, GOOD), [true, false])
    assert.deepEqual(asked(OWN, REFUSED), [false, true])
    assert.deepEqual(asked(OWN, CLOSED), [false, true])
  })

  test('are asked neither way by silence', () => {
    assert.deepEqual(asked(OWN, NOTHING), [false, false])
  })

  test('are not asked by steps of other APIs, or in other versions', () => {
    assert.deepEqual(asked(ask(ApiVersions, {} as never), GOOD), [false, false])
    assert.deepEqual(asked(ask(Metadata, { topics: [] }, { version: 12 }), GOOD), [false, false])
    assert.deepEqual(asked(raw(Buffer.alloc(0)), CLOSED), [false, false])
  })

  test('are asked by raw bytes whose reply is read', () => {
    const step = raw(Buffer.alloc(0), { replies: [{ api: Metadata }] })
    assert.deepEqual(asked(step, [{ correlationId: 5, reply: GOOD }]), [true, false])
    assert.deepEqual(asked(step, [CLOSED]), [false, true])
    const other = raw(Buffer.alloc(0), { replies: [{ api: Metadata, version: 1 }] })
    assert.deepEqual(asked(other, [CLOSED]), [false, false])
  })

  test('are those that both brokers advertise and somebody serves', async () => {
    const range = (apiKey: number, minVersion: number, maxVersion: number) => ({ apiKey, minVersion, maxVersion })
    const ours = { apiKeys: [range(0, 0, 12), range(3, 2, 13), range(18, 0, 4)] }
    const theirs = { apiKeys: [range(0, 0, 5), range(3, 0, 4), range(16, 0, 5)] }
    const served = await servedByBoth(theirs, ours)
    assert.deepEqual(
      served.map(({ api, versions }) => [api.name, versions]),
      [
        ['Produce', [3, 4, 5]],
        ['Metadata', [2, 3, 4]],
      ],
    )
  })
})
