/** How many connections a broker has, and how long one may be silent. Limits that a scenario sets it takes back. */
import { Fetch } from '@ottla/protocol/apis/01-fetch.ts'
import { Metadata } from '@ottla/protocol/apis/03-metadata.ts'
import { IncrementalAlterConfigs } from '@ottla/protocol/apis/44-incremental-alter-configs.ts'
import { encodeRequest } from '@ottla/protocol/frame.ts'
import { BROKER } from '../requests-of-clients.ts'
import { type AskStep, ask, raw, type Scenario, scenario } from '../scenario.ts'

const ONCE = [1, 1] as const
const SET = 0
const DELETE = 1
const SOUND = Buffer.concat(
  encodeRequest(Metadata, 1, { correlationId: 1, clientId: 'oracle' }, { topics: [] } as never),
)

/** On the first connection, for the whole cluster; null takes it back. */
const limit = (name: string, value: string | null): AskStep =>
  ask(IncrementalAlterConfigs, {
    resources: [
      {
        ...{ resourceType: BROKER, resourceName: '' },
        configs: [{ name, value, configOperation: value === null ? DELETE : SET }],
      },
    ],
    validateOnly: false,
  })

const hello = (on: string): AskStep => ask(Metadata, { topics: [] }, { on })

export const LIMITS: readonly Scenario[] = [
  scenario(Metadata, 'connection: one that is silent too long is closed', {
    covers: ['0.3'],
    profile: 'impatient',
    versions: ONCE,
    steps: [hello('idle'), raw(Buffer.alloc(0), { on: 'idle' }), raw(SOUND.subarray(0, 9), { on: 'cut' })],
  }),
  scenario(Metadata, 'connection: one that waits for its reply is not silent', {
    covers: ['0.3'],
    profile: 'impatient',
    versions: ONCE,
    topics: { a: {} },
    steps: [
      ask(Fetch, {
        ...{ maxWaitMs: 1000, minBytes: 1 },
        topics: [{ topic: '@a', partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1000 }] }],
      }),
    ],
  }),
  scenario(Metadata, 'connection: more than max.connections.per.ip', {
    covers: ['0.3'],
    profile: 'crowded',
    versions: ONCE,
    steps: [
      limit('max.connections.per.ip', '2'),
      hello('second'),
      hello('third'),
      hello('first'),
      limit('max.connections.per.ip', null),
      hello('fourth'),
    ],
  }),
  scenario(Metadata, 'connection: an address with a limit of its own', {
    covers: ['0.3'],
    profile: 'crowded',
    versions: ONCE,
    steps: [
      limit('max.connections.per.ip.overrides', '127.0.0.1:2,10.0.0.1:1'),
      hello('second'),
      hello('third'),
      limit('max.connections.per.ip.overrides', null),
      hello('fourth'),
    ],
  }),
  scenario(Metadata, 'connection: more than max.connections', {
    covers: ['0.3'],
    profile: 'crowded',
    versions: ONCE,
    steps: [
      limit('max.connections', '2'),
      hello('second'),
      hello('third'),
      hello('first'),
      limit('max.connections', null),
      hello('fourth'),
    ],
  }),
]
