/** The requests that most scenarios consist of, in the form that a plain client sends. */
import { Produce } from '@ottla/protocol/apis/00-produce.ts'
import { Fetch } from '@ottla/protocol/apis/01-fetch.ts'
import { ListOffsets } from '@ottla/protocol/apis/02-list-offsets.ts'
import { InitProducerId } from '@ottla/protocol/apis/22-init-producer-id.ts'
import { DescribeConfigs } from '@ottla/protocol/apis/32-describe-configs.ts'
import { ZERO_UUID } from '@ottla/protocol/wire.ts'
import { type AskStep, ask, type StepOptions } from './scenario.ts'

export const TOPIC = 2
export const BROKER = 4

export interface WriteText {
  readonly topic?: string
  readonly index?: number
  readonly acks?: number
  readonly transactionalId?: string | null
}

/** Names that are not of the scenario have no id. */
export function idOf(topic: string): string {
  return topic.startsWith('@') ? topic : ZERO_UUID
}

/** A produce request of one partition, `@a-0` unless told. */
export function write(records: Buffer | null, text: WriteText = {}, options: StepOptions = {}): AskStep {
  const { topic = '@a', index = 0, acks = -1, transactionalId = null } = text
  const topicData = [{ name: topic, topicId: idOf(topic), partitionData: [{ index, records }] }]
  return ask(Produce, { transactionalId, acks, timeoutMs: 5000, topicData }, options)
}

export interface ReadText {
  readonly topic?: string
  readonly index?: number
  readonly offset?: number
  readonly isolationLevel?: number
  readonly partitionMaxBytes?: number
}

/** A fetch request of one partition that does not wait. */
export function read(text: ReadText = {}, options: StepOptions = {}): AskStep {
  const { topic = '@a', index = 0, offset = 0, isolationLevel = 0, partitionMaxBytes = 1_000_000 } = text
  const partitions = [{ partition: index, fetchOffset: offset, partitionMaxBytes }]
  const topics = [{ topic, topicId: idOf(topic), partitions }]
  return ask(Fetch, { maxWaitMs: 0, minBytes: 1, isolationLevel, topics }, options)
}

/** A ListOffsets request of one partition. */
export function offsetAt(timestamp: number, text: { topic?: string; isolationLevel?: number } = {}): AskStep {
  const { topic = '@a', isolationLevel = 0 } = text
  const topics = [{ name: topic, partitions: [{ partitionIndex: 0, timestamp }] }]
  return ask(ListOffsets, { replicaId: -1, isolationLevel, topics })
}

export function newProducer(): AskStep {
  return ask(InitProducerId, { transactionalId: null, transactionTimeoutMs: 60_000 })
}

/** Some settings of a resource, as they are now. */
export function settings(resource: { type?: number; name?: string; keys: readonly string[] }): AskStep {
  const { type = TOPIC, name = '@a', keys } = resource
  const resources = [{ resourceType: type, resourceName: name, configurationKeys: [...keys] }]
  return ask(DescribeConfigs, { resources, includeSynonyms: true })
}
