/** What `Partitions` keeps of each partition while it is wanted, opened and held, and how it is named. Pure. */
import type { PartitionImage, TopicImage } from '../metadata/image.ts'
import type { LogDirectory } from './log-directories.ts'
import type { Partition } from './partition.ts'
import { directoryName } from './partition-directories.ts'

export interface Wanted {
  readonly topic: TopicImage
  readonly image: PartitionImage
}

export interface Opening {
  readonly wanted: Wanted
  readonly done: Promise<void>
}

export interface Held {
  readonly partition: Partition
  readonly directory: LogDirectory
  /** See logSettings. */
  readonly segmentJitter: number
}

export function keyOf(topicId: string, index: number): string {
  return `${topicId} ${index}`
}

export function topicAndIndexOf(key: string): [topicId: string, index: number] {
  const [topicId, index] = key.split(' ')
  return [topicId!, Number(index)]
}

export function keyOfWanted({ topic, image }: Wanted): string {
  return keyOf(topic.id, image.index)
}

export function nameOf({ topic, image }: Wanted): string {
  return directoryName({ topicName: topic.name, index: image.index })
}

export function noteOffsets({ partition, directory }: Held): void {
  const { topicName, index, log } = partition
  const { recoveryPoints, logStarts, highWatermarks } = directory.checkpoints
  recoveryPoints.set(topicName, index, log.syncedOffset)
  logStarts.set(topicName, index, log.logStartOffset)
  highWatermarks.set(topicName, index, partition.highWatermark)
}

/** What is appended from there on next is neither durable nor clean, whatever was there before. */
export function lowerRecoveryPoint({ partition, directory }: Held, offset: number): void {
  const { recoveryPoints, cleanerOffsets } = directory.checkpoints
  for (const checkpoint of [recoveryPoints, cleanerOffsets]) {
    const known = checkpoint.get(partition.topicName, partition.index) ?? 0
    if (known <= offset) continue
    checkpoint.set(partition.topicName, partition.index, offset)
    checkpoint.flush()
  }
}
