/**
 * Owns `partition.metadata`: which topic a partition's directory belongs to, so that a topic that was created again
 * under the same name is not given the old one's records.
 *
 * Text: `version: 0`, newline, `topic_id: ` and the topic's id in 22 characters of base64url, no newline at the end.
 * Crash rule: durable before the first record is; a file that is empty or all zeros was being written when the machine
 * stopped, and its directory holds nothing that was acknowledged. Replaced as a whole.
 */
import type { Disk } from '@ottla/base/disk.ts'

export const PARTITION_METADATA_NAME = 'partition.metadata'

const FORM = /^version: 0\ntopic_id: ([A-Za-z0-9_-]{22})\n?$/

export class PartitionMetadataError extends Error {
  override readonly name = 'PartitionMetadataError'
}

/** The topic's id, or null when the file is missing or was never finished. Throws PartitionMetadataError when it says something else. */
export function readPartitionMetadata(disk: Disk, directory: string): string | null {
  const path = `${directory}/${PARTITION_METADATA_NAME}`
  if (!disk.exists(path)) return null
  const bytes = disk.readFile(path)
  if (bytes.every((byte) => byte === 0)) return null
  const match = FORM.exec(bytes.toString())
  if (match === null) throw new PartitionMetadataError(`Cannot read "${path}": it is not version 0 with a topic id`)
  return match[1]!
}

/** Durable when it returns. */
export function writePartitionMetadata(disk: Disk, directory: string, topicId: string): void {
  disk.replaceFile(`${directory}/${PARTITION_METADATA_NAME}`, contentOf(topicId))
}

/** Of a new log, which makes it durable with its first record. */
export function beginPartitionMetadata(disk: Disk, directory: string, topicId: string): void {
  const file = disk.open(`${directory}/${PARTITION_METADATA_NAME}`, { create: true })
  try {
    file.write(contentOf(topicId), 0)
  } finally {
    file.close()
  }
}

function contentOf(topicId: string): Buffer {
  return Buffer.from(`version: 0\ntopic_id: ${topicId}`)
}
