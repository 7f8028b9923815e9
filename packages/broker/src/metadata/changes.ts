/**
 * From documents to images: `applyRevision` is the only way an image comes to be, at start (all entries of a snapshot)
 * as well as live (one revision of the watch). Pure. The way back, from commands to documents, is in `topic-plans.ts`,
 * `config-plans.ts`, `feature-plans.ts` and `broker-plans.ts`.
 */
import { assert } from '@ottla/base/assert.ts'
import * as documents from './documents.ts'
import {
  type AliveImage,
  type BrokerRegistration,
  type ConfigImage,
  emptyImage,
  isInternalTopic,
  type MetadataImage,
  NO_CONTROLLER,
  type PartitionImage,
  type PartitionShard,
  type SilentImage,
  type TopicImage,
  type Uuid,
} from './image.ts'
import type { Change, Snapshot } from './store.ts'

/** The image of everything that a store holds. */
export function imageOf(snapshot: Snapshot): MetadataImage {
  return applyRevision(emptyImage, snapshot.revision, snapshot.entries)
}

/**
 * The image after `changes`, which belong to revisions after the image's up to `revision`. Throws DocumentError for a
 * document of a later version: this broker must not act on what it cannot read.
 */
export function applyRevision(image: MetadataImage, revision: number, changes: readonly Change[]): MetadataImage {
  assert(revision >= image.revision, `Cannot apply revision ${revision} to an image of revision ${image.revision}`)
  const draft = new Draft(image)
  for (const change of changes) draft.apply(change)
  return draft.finish(revision)
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

/** Copies each map of the image on its first change, and puts topics together once all their documents are in. */
class Draft {
  readonly #before: MetadataImage
  readonly #image: Mutable<MetadataImage>
  readonly #topicDocuments = new Map<Uuid, { document: documents.TopicDocument; revision: number } | null>()
  readonly #touchedShards = new Set<Uuid>()

  constructor(before: MetadataImage) {
    this.#before = before
    this.#image = { ...before }
  }

  apply(change: Change): void {
    const [kind, id = '', rest] = change.key.split('/', 3)
    switch (kind) {
      case documents.CLUSTER_KEY:
        this.#image.clusterId = change.value === null ? '' : documents.decodeCluster(change.value)
        return
      case documents.FEATURES_KEY:
        this.#image.features = featuresOf(change)
        return
      case documents.CONTROLLER_KEY:
        this.#image.controllerId = change.value === null ? NO_CONTROLLER : documents.decodeController(change.value)
        this.#image.controllerEpoch = change.value === null ? 0 : change.revision
        return
      case documents.PRODUCER_IDS_KEY:
        this.#image.producerIds = {
          next: change.value === null ? 0 : documents.decodeProducerIds(change.value),
          revision: change.value === null ? 0 : change.revision,
        }
        return
      case 'brokers':
        set(this.#writable('brokers'), Number(id), brokerOf(change, Number(id)))
        return
      case 'supports':
        set(
          this.#writable('supports'),
          Number(id),
          change.value === null ? null : documents.decodeSupports(change.key, change.value),
        )
        return
      case 'alive':
        set(this.#writable('alive'), Number(id), aliveOf(change))
        return
      case 'silent':
        set(this.#writable('silent'), change.key, silentOf(change))
        return
      case 'topics':
        this.#topicDocuments.set(id, topicDocumentOf(change))
        return
      case 'partitions':
        this.#applyShard(id, Number(rest), change)
        return
      case 'configs':
        // The name follows the second slash; a group's may hold slashes of its own.
        set(this.#writable('configs'), change.key.slice('configs/'.length), configOf(change))
        return
      default:
        // `names/…` only guards creation, and a later version may keep more: neither is part of this version's image.
        return
    }
  }

  finish(revision: number): MetadataImage {
    const touched = new Set([...this.#topicDocuments.keys(), ...this.#touchedShards])
    for (const id of touched) this.#putTogether(id)
    this.#image.revision = revision
    return this.#image
  }

  #applyShard(id: Uuid, first: number, change: Change): void {
    const others = (this.#image.shards.get(id) ?? []).filter((shard) => shard.first !== first)
    if (change.value !== null) {
      const partitions = documents.decodeShard(change.key, change.value, first)
      others.push({ first, revision: change.revision, partitions })
      others.sort((a, b) => a.first - b.first)
    }
    set(this.#writable('shards'), id, others.length === 0 ? null : others)
    this.#touchedShards.add(id)
  }

  #putTogether(id: Uuid): void {
    const before = this.#image.topicsById.get(id)
    const topic = this.#topicOf(id, before)
    if (topic === before) return
    set(this.#writable('topicsById'), id, topic ?? null)
    const byName = this.#writable('topicsByName')
    // A name may already belong to the topic's successor when both changes came together.
    if (before !== undefined && byName.get(before.name)?.id === id) byName.delete(before.name)
    if (topic !== undefined) byName.set(topic.name, topic)
  }

  #topicOf(id: Uuid, before: TopicImage | undefined): TopicImage | undefined {
    const changed = this.#topicDocuments.get(id)
    if (changed === null || (changed === undefined && before === undefined)) return undefined
    const count = changed?.document.partitionCount ?? before!.partitions.length
    const shards = this.#image.shards.get(id) ?? []
    const partitions =
      this.#touchedShards.has(id) || before?.partitions.length !== count
        ? joinShards(shards, { id, count })
        : before.partitions
    if (changed === undefined) return { ...before!, partitions }
    const { name, configs } = changed.document
    return { id, name, internal: isInternalTopic(name), configs, partitions, revision: changed.revision }
  }

  #writable<
    K extends 'brokers' | 'supports' | 'alive' | 'silent' | 'topicsById' | 'topicsByName' | 'configs' | 'shards',
  >(name: K): WritableMap<K> {
    if (this.#image[name] === this.#before[name]) {
      this.#image[name] = new Map(this.#before[name] as ReadonlyMap<never, never>) as unknown as MetadataImage[K]
    }
    return this.#image[name] as unknown as WritableMap<K>
  }
}

type WritableMap<K extends keyof MetadataImage> =
  MetadataImage[K] extends ReadonlyMap<infer Key, infer Value> ? Map<Key, Value> : never

function set<Key, Value>(map: Map<Key, Value>, key: Key, value: Value | null): void {
  if (value === null) map.delete(key)
  else map.set(key, value)
}

/** The first `count` partitions; shards beyond are the unfinished growth of the topic. */
function joinShards(shards: readonly PartitionShard[], topic: { id: Uuid; count: number }): readonly PartitionImage[] {
  const partitions: PartitionImage[] = []
  for (const shard of shards) {
    if (shard.first >= topic.count) break
    assert(shard.first === partitions.length, `Topic ${topic.id}: no shard holds partition ${partitions.length}`)
    for (const partition of shard.partitions) partitions.push(partition)
  }
  assert(partitions.length >= topic.count, `Topic ${topic.id}: ${partitions.length} of ${topic.count} partitions`)
  partitions.length = topic.count
  return partitions
}

function featuresOf(change: Change): MetadataImage['features'] {
  if (change.value === null) return emptyImage.features
  return { levels: documents.decodeFeatures(change.value), epoch: change.revision }
}

function brokerOf(change: Change, id: number): BrokerRegistration | null {
  if (change.value === null) return null
  const { epoch, ...fields } = documents.decodeBroker(change.key, change.value)
  return { id, ...fields, epoch: epoch ?? change.revision, revision: change.revision }
}

function aliveOf(change: Change): AliveImage | null {
  if (change.value === null) return null
  return { ...documents.decodeAlive(change.key, change.value), revision: change.revision }
}

function silentOf(change: Change): SilentImage | null {
  if (change.value === null) return null
  return { sign: documents.decodeSilent(change.key, change.value), revision: change.revision }
}

function topicDocumentOf(change: Change): { document: documents.TopicDocument; revision: number } | null {
  if (change.value === null) return null
  return { document: documents.decodeTopic(change.key, change.value), revision: change.revision }
}

function configOf(change: Change): ConfigImage | null {
  if (change.value === null) return null
  return { values: documents.decodeConfig(change.key, change.value), revision: change.revision }
}
