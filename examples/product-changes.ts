/**
 * The subject of the examples: products of a shop change their state, and whoever wants to hear of it reads one topic.
 * Owns the topic, the changes, and how they are written as records.
 */
import { createTopics } from '@ottla/client/admin.ts'
import type { Client } from '@ottla/client/client.ts'

export const TOPIC = 'product-changes'
const PARTITIONS = 6
const STATES = ['draft', 'listed', 'sold out', 'listed', 'withdrawn'] as const

export interface ProductChange {
  readonly product: string
  readonly state: (typeof STATES)[number]
  /** Of this product's changes, counted from 0. */
  readonly change: number
}

/** The topic may be there already, from an earlier run. */
export async function makeTopic(client: Client): Promise<void> {
  const topic = { name: TOPIC, partitions: PARTITIONS, replicationFactor: 1 }
  for (const { error } of await createTopics(client, [topic])) {
    if (error !== null && error.error !== 'TOPIC_ALREADY_EXISTS') throw error
  }
}

/** The changes of some products, taking turns. */
export function changeAt(index: number, products: number): ProductChange {
  const change = Math.floor(index / products)
  return { product: `product-${index % products}`, state: STATES[change % STATES.length]!, change }
}

/** The key keeps a product's changes in one partition, and so in their order. */
export function toRecord(change: ProductChange): { key: Buffer; value: Buffer } {
  return { key: Buffer.from(change.product), value: Buffer.from(JSON.stringify(change)) }
}

export function fromValue(value: Buffer | null): ProductChange {
  return JSON.parse(String(value)) as ProductChange
}
