/**
 * From commands about topics to documents: creation, deletion, growth. Pure; checks and errors in Kafka's order. The
 * checks that need the request alone (a name twice, permissions) are made in `handlers/`.
 */
import { ProtocolError } from '@ottla/protocol/errors.ts'
import { type BrokerConfig, topicConfigProblem, VALUE_LENGTH_MAX } from '../config.ts'
import type { CreatedTopic, CreatePartitions, CreateTopic } from './controller-client.ts'
import { encodeName, encodeShard, encodeTopic, nameKey, partitionsPerShard, shardKey, topicKey } from './documents.ts'
import { type MetadataImage, NO_LEADER, type PartitionImage, type TopicImage, type Uuid } from './image.ts'
import { badAssignment, checkManualAssignment } from './manual-assignment.ts'
import { placeReplicas } from './placement.ts'
import { attempt, cut, type Plan, SET_BYTES_MAX, SET_OPERATIONS_MAX } from './plan.ts'
import { type ChangeSet, changeSetBytes, changeSetOperations } from './store.ts'
import { collisionKey, topicNameProblem } from './topic-names.ts'

/** Kafka's limit for the partitions that one request creates. */
export const NEW_PARTITIONS_MAX = 10_000
/** Of all of a topic's own values together, so that its document always fits into a commit. */
const CONFIGS_LENGTH_MAX = 16 * VALUE_LENGTH_MAX

/** What planning needs besides the image. */
export interface PlanningContext {
  readonly config: BrokerConfig
  readonly newTopicId: () => Uuid
  /** A random whole number below `below`. */
  readonly random: (below: number) => number
}

type Outcome<Success> = Plan<Success> | ProtocolError

export function planCreateTopics(
  image: MetadataImage,
  commands: readonly CreateTopic[],
  context: PlanningContext,
): Outcome<CreatedTopic>[] {
  const wanted = commands.reduce((sum, command) => sum + wantedPartitions(command, context.config), 0)
  if (wanted > NEW_PARTITIONS_MAX) {
    const message = `Excessively large number of partitions per request: ${wanted}, at most ${NEW_PARTITIONS_MAX}`
    return commands.map(() => new ProtocolError('POLICY_VIOLATION', message))
  }
  const taken = new Map([...image.topicsByName.keys()].filter(mayCollide).map((name) => [collisionKey(name), name]))
  return commands.map((command) => {
    const plan = attempt(() => planCreateTopic(image, command, { ...context, taken }))
    // Topics of one request must not collide with each other either.
    if (!(plan instanceof ProtocolError)) taken.set(collisionKey(command.name), command.name)
    return plan
  })
}

function wantedPartitions(command: CreateTopic, config: BrokerConfig): number {
  if (command.assignments.length > 0) return command.assignments.length
  return command.partitionCount === -1 ? config.numPartitions : Math.max(0, command.partitionCount)
}

const mayCollide = (name: string): boolean => name.includes('.') || name.includes('_')

function planCreateTopic(
  image: MetadataImage,
  command: CreateTopic,
  context: PlanningContext & { taken: ReadonlyMap<string, string> },
): Plan<CreatedTopic> {
  checkNewName(image, command.name, context.taken)
  const configs = newConfigs(command, context.config)
  const assignments = command.assignments.length > 0 ? manual(image, command) : automatic(image, command, context)
  const partitions = assignments.map((replicas, index) => newPartition(image, index, replicas))
  const id = context.newTopicId()
  const replicationFactor = assignments[0]!.length
  return {
    sets: creation({ id, name: command.name, configs, partitions }),
    success: { id, partitionCount: partitions.length, replicationFactor, configs },
  }
}

function checkNewName(image: MetadataImage, name: string, taken: ReadonlyMap<string, string>): void {
  const problem = topicNameProblem(name)
  if (problem !== null) throw new ProtocolError('INVALID_TOPIC_EXCEPTION', problem)
  if (image.topicsByName.has(name)) throw new ProtocolError('TOPIC_ALREADY_EXISTS', `Topic '${name}' already exists.`)
  const other = taken.get(collisionKey(name))
  if (other === undefined) return
  throw new ProtocolError('INVALID_TOPIC_EXCEPTION', `Topic '${name}' collides with existing topic: ${other}`)
}

function newConfigs(command: CreateTopic, config: BrokerConfig): ReadonlyMap<string, string> {
  const configs = new Map<string, string>()
  for (const { name, value } of command.configs) {
    if (value === null) throw new ProtocolError('INVALID_CONFIG', `Null value not supported for topic configs: ${name}`)
    configs.set(name, value)
  }
  checkTopicConfigs(configs, config)
  return configs
}

/** Throws INVALID_CONFIG unless these may be a topic's own values. */
export function checkTopicConfigs(configs: ReadonlyMap<string, string>, config: BrokerConfig): void {
  const problem = topicConfigProblem(configs, config)
  if (problem !== null) throw new ProtocolError('INVALID_CONFIG', problem)
  const length = [...configs.values()].reduce((sum, value) => sum + value.length, 0)
  if (length <= CONFIGS_LENGTH_MAX) return
  throw new ProtocolError(
    'INVALID_CONFIG',
    `The topic's values have ${length} characters, at most ${CONFIGS_LENGTH_MAX}`,
  )
}

function manual(image: MetadataImage, command: CreateTopic): readonly (readonly number[])[] {
  if (command.replicationFactor !== -1) {
    throw new ProtocolError(
      'INVALID_REQUEST',
      'A manual partition assignment was specified, but replication factor was not set to -1.',
    )
  }
  if (command.partitionCount !== -1) {
    throw new ProtocolError(
      'INVALID_REQUEST',
      'A manual partition assignment was specified, but numPartitions was not set to -1.',
    )
  }
  const byIndex = new Map<number, readonly number[]>()
  for (const { index, replicas } of command.assignments) {
    if (byIndex.has(index)) throw badAssignment(`Found multiple manual partition assignments for partition ${index}`)
    byIndex.set(index, replicas)
    checkReplicas(image, replicas, { sizeLike: command.assignments[0]!.replicas.length })
  }
  return Array.from({ length: byIndex.size }, (_, index) => {
    const replicas = byIndex.get(index)
    if (replicas === undefined) throw badAssignment('partitions should be a consecutive 0-based integer sequence')
    return replicas
  })
}

function checkReplicas(image: MetadataImage, replicas: readonly number[], { sizeLike }: { sizeLike: number }): void {
  checkManualAssignment(image, replicas)
  if (replicas.length !== sizeLike) {
    throw badAssignment(
      `The manual partition assignment includes a partition with ${replicas.length} replica(s), but this is not consistent with others, which have ${sizeLike}.`,
    )
  }
  if (replicas.every((id) => image.brokers.get(id)!.fenced)) {
    throw badAssignment(
      'All brokers specified in the manual partition assignment are fenced or in controlled shutdown.',
    )
  }
}

function automatic(image: MetadataImage, command: CreateTopic, context: PlanningContext): number[][] {
  const { replicationFactor: rf, partitionCount } = command
  if (rf === 0 || rf < -1) {
    throw new ProtocolError(
      'INVALID_REPLICATION_FACTOR',
      'Replication factor must be larger than 0, or -1 to use the default value.',
    )
  }
  if (partitionCount === 0 || partitionCount < -1) {
    throw new ProtocolError('INVALID_PARTITIONS', 'Number of partitions was set to an invalid non-positive value.')
  }
  const replicationFactor = rf === -1 ? context.config.defaultReplicationFactor : rf
  const count = partitionCount === -1 ? context.config.numPartitions : partitionCount
  return place(image, { firstIndex: 0, count, replicationFactor }, context)
}

function place(
  image: MetadataImage,
  request: { firstIndex: number; count: number; replicationFactor: number },
  context: PlanningContext,
): number[][] {
  const brokers = [...image.brokers.values()]
  if (brokers.every((broker) => broker.fenced)) {
    throw new ProtocolError('INVALID_REPLICATION_FACTOR', 'All brokers are currently fenced.')
  }
  if (request.replicationFactor > brokers.length) {
    throw new ProtocolError(
      'INVALID_REPLICATION_FACTOR',
      `The target replication factor of ${request.replicationFactor} cannot be reached because only ${brokers.length} broker(s) are registered.`,
    )
  }
  return placeReplicas(brokers, { ...request, start: context.random(brokers.length) })
}

function newPartition(image: MetadataImage, index: number, replicas: readonly number[]): PartitionImage {
  const isr = replicas.filter((id) => image.brokers.get(id)?.fenced === false)
  return { index, replicas, isr, leader: isr[0] ?? NO_LEADER, leaderEpoch: 0, partitionEpoch: 0 }
}

function creation(topic: Pick<TopicImage, 'id' | 'name' | 'configs' | 'partitions'>): ChangeSet[] {
  const { id, name, configs, partitions } = topic
  const shards = shardPuts(id, partitions, { firstIndex: 0 })
  const head: ChangeSet = {
    ifRevision: [
      { key: nameKey(name), revision: 0 },
      { key: topicKey(id), revision: 0 },
    ],
    puts: [
      { key: topicKey(id), value: encodeTopic({ name, configs, partitionCount: partitions.length }) },
      { key: nameKey(name), value: encodeName(id) },
    ],
    deletes: [],
  }
  return headLast(head, shards)
}

/** In one set where that fits; else all shards before the document that makes them count. */
function headLast(head: ChangeSet, shards: ChangeSet['puts']): ChangeSet[] {
  const whole = { ...head, puts: [...shards, ...head.puts] }
  const fits = changeSetOperations(whole) <= SET_OPERATIONS_MAX && changeSetBytes(whole) <= SET_BYTES_MAX
  return fits ? [whole] : [...cut({ puts: shards, deletes: [] }), head]
}

function shardPuts(
  id: Uuid,
  partitions: readonly PartitionImage[],
  { firstIndex }: { firstIndex: number },
): ChangeSet['puts'] {
  const replicasMax = Math.max(...partitions.map((partition) => partition.replicas.length))
  const size = partitionsPerShard(replicasMax)
  const puts = []
  for (let i = 0; i < partitions.length; i += size) {
    puts.push({ key: shardKey(id, firstIndex + i), value: encodeShard(partitions.slice(i, i + size)) })
  }
  return puts
}

export function planDeleteTopic(image: MetadataImage, id: Uuid): Outcome<null> {
  const topic = image.topicsById.get(id)
  if (topic === undefined) return new ProtocolError('UNKNOWN_TOPIC_ID', 'This server does not host this topic ID.')
  const shards = (image.shards.get(id) ?? []).map((shard) => shardKey(id, shard.first))
  const head = {
    ifRevision: [{ key: topicKey(id), revision: topic.revision }],
    puts: [],
    deletes: [topicKey(id), nameKey(topic.name)],
  }
  const whole = { ...head, deletes: [...head.deletes, ...shards] }
  const sets =
    changeSetOperations(whole) <= SET_OPERATIONS_MAX ? [whole] : [head, ...cut({ puts: [], deletes: shards })]
  return { sets, success: null }
}

/** Shards whose topic is gone, or that lie beyond its partitions: left by a controller that died half-way. */
export function planRemoveGarbage(image: MetadataImage): ChangeSet[] {
  const deletes: string[] = []
  for (const [id, shards] of image.shards) {
    const count = image.topicsById.get(id)?.partitions.length ?? 0
    for (const shard of shards) if (shard.first >= count) deletes.push(shardKey(id, shard.first))
  }
  return cut({ puts: [], deletes })
}

export function planCreatePartitions(
  image: MetadataImage,
  command: CreatePartitions,
  context: PlanningContext,
): Outcome<null> {
  return attempt(() => {
    const topic = image.topicsByName.get(command.name)
    if (topic === undefined) throw new ProtocolError('UNKNOWN_TOPIC_OR_PARTITION')
    const firstIndex = topic.partitions.length
    const count = command.count - firstIndex
    checkGrowth(topic, command)
    const replicationFactor = topic.partitions[0]!.replicas.length
    const assignments = command.assignments ?? place(image, { firstIndex, count, replicationFactor }, context)
    if (command.assignments !== null) checkAdded(image, command.assignments, { count, replicationFactor })
    const added = assignments.map((replicas, i) => newPartition(image, firstIndex + i, replicas))
    return { sets: growth(image, topic, added), success: null }
  })
}

function checkGrowth(topic: TopicImage, { count }: CreatePartitions): void {
  const current = topic.partitions.length
  if (count === current) throw new ProtocolError('INVALID_PARTITIONS', `Topic already has ${current} partition(s).`)
  if (count < current) {
    throw new ProtocolError(
      'INVALID_PARTITIONS',
      `The topic ${topic.name} currently has ${current} partition(s); ${count} would not be an increase.`,
    )
  }
  if (count - current > NEW_PARTITIONS_MAX) {
    throw new ProtocolError(
      'INVALID_PARTITIONS',
      `Cannot add ${count - current} partitions at once, at most ${NEW_PARTITIONS_MAX}.`,
    )
  }
}

function checkAdded(
  image: MetadataImage,
  assignments: readonly (readonly number[])[],
  { count, replicationFactor }: { count: number; replicationFactor: number },
): void {
  if (assignments.length !== count) {
    throw badAssignment(
      `Attempted to add ${count} additional partition(s), but only ${assignments.length} assignment(s) were specified.`,
    )
  }
  for (const replicas of assignments) checkReplicas(image, replicas, { sizeLike: replicationFactor })
}

/** The last shard is written again with as many of the new partitions as it can hold, the others are new. */
function growth(image: MetadataImage, topic: TopicImage, added: readonly PartitionImage[]): ChangeSet[] {
  const { id, name, configs, partitions } = topic
  const shards = image.shards.get(id) ?? []
  const last = shards.findLast((shard) => shard.first < partitions.length)!
  const rewritten = [...partitions.slice(last.first), ...added]
  const puts = shardPuts(id, rewritten, { firstIndex: last.first })
  const written = new Set(puts.map(({ key }) => key))
  const garbage = shards.filter((shard) => shard.first > last.first).map((shard) => shardKey(id, shard.first))
  const head: ChangeSet = {
    ifRevision: [{ key: topicKey(id), revision: topic.revision }],
    puts: [
      { key: topicKey(id), value: encodeTopic({ name, configs, partitionCount: partitions.length + added.length }) },
    ],
    deletes: [],
  }

  const [first, ...rest] = headLast(head, puts)
  const shard = { key: shardKey(id, last.first), revision: last.revision }
  const guarded = { ...first!, ifRevision: [shard, ...first!.ifRevision] }
  // What an unfinished growth left behind goes first, so that it cannot be taken for part of this one.
  const left = garbage.filter((key) => !written.has(key))
  return [...cut({ puts: [], deletes: left }), guarded, ...rest]
}
