/** Ids for topics, clusters and processes as Kafka makes them. */
import type { Random } from '@ottla/base/random.ts'
import { type Uuid, ZERO_UUID } from './image.ts'

/** Never the zero id, never with a '-' in front, which command lines would take for an option. */
export function newUuid(random: Random): Uuid {
  for (;;) {
    const id = random.bytes(16).toString('base64url')
    if (id !== ZERO_UUID && !id.startsWith('-')) return id
  }
}
