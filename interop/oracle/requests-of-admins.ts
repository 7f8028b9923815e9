/** The requests by which scenarios make, look at, and remove topics. */
import { Metadata } from '@ottla/protocol/apis/03-metadata.ts'
import { CreateTopics } from '@ottla/protocol/apis/19-create-topics.ts'
import { DeleteTopics } from '@ottla/protocol/apis/20-delete-topics.ts'
import { CreatePartitions } from '@ottla/protocol/apis/37-create-partitions.ts'
import type { RequestInputOf } from '@ottla/protocol/codec.ts'
import { ZERO_UUID } from '@ottla/protocol/wire.ts'
import { type AskStep, ask } from './scenario.ts'

export type NewTopic = RequestInputOf<typeof CreateTopics>['topics'][number]

export const create = (
  topics: readonly Partial<NewTopic>[],
  request: { validateOnly?: boolean; timeoutMs?: number } = {},
): AskStep =>
  ask(CreateTopics, {
    topics: topics.map((topic) => ({
      ...{ name: '@a', numPartitions: 1, replicationFactor: 1, assignments: [], configs: [], ...topic },
    })),
    timeoutMs: 5000,
    ...request,
  })

export const remove = (names: readonly string[], timeoutMs = 5000): AskStep =>
  ask(DeleteTopics, ({ version }) => ({
    ...{ timeoutMs, topicNames: [...names] },
    topics: version < 6 ? [] : names.map((name) => ({ name, topicId: ZERO_UUID })),
  }))

/** Always in the same form, whatever the scenario's API. */
export const removed = (names: readonly string[]): AskStep =>
  ask(DeleteTopics, { topicNames: [...names], timeoutMs: 5000 }, { version: 5 })

export const look = (names: readonly string[]): AskStep =>
  ask(
    Metadata,
    { topics: names.map((name) => ({ name, topicId: ZERO_UUID })), allowAutoTopicCreation: false },
    { version: 12 },
  )

export const grown = (name: string, count: number): AskStep =>
  ask(CreatePartitions, { topics: [{ name, count, assignments: null }], timeoutMs: 5000, validateOnly: false })
