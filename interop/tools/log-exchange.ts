/**
 * Owns carrying a topic's partitions from one stopped broker to another, as an operator would who copies directories:
 * every file of the log, but not `partition.metadata`, which names the topic as its own cluster knows it.
 */
import { copyFileSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'

const IDENTITY = 'partition.metadata'

export interface Exchange {
  /** Data directories of the two brokers. */
  readonly from: string
  readonly to: string
  readonly topic: string
  readonly partitions: number
}

export function exchangeFiles({ from, to, topic, partitions }: Exchange): void {
  for (let partition = 0; partition < partitions; partition++) {
    const name = `${topic}-${partition}`
    replaceFiles(join(from, name), join(to, name))
  }
}

function replaceFiles(from: string, to: string): void {
  for (const name of logFiles(to)) rmSync(join(to, name))
  for (const name of logFiles(from)) copyFileSync(join(from, name), join(to, name))
}

function logFiles(folder: string): string[] {
  return readdirSync(folder).filter((name) => name !== IDENTITY)
}
