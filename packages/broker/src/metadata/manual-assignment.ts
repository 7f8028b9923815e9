/** What every list of replicas that a client makes up has to be: at creation, for more partitions, in a reassignment. Pure. */
import { ProtocolError } from '@ottla/protocol/errors.ts'
import type { MetadataImage } from './image.ts'

/** Throws INVALID_REPLICA_ASSIGNMENT unless it names registered brokers, once each, and at least one. */
export function checkManualAssignment(image: MetadataImage, replicas: readonly number[]): void {
  if (replicas.length === 0) throw badAssignment('The manual partition assignment includes an empty replica list.')
  const unknown = replicas.find((id) => !image.brokers.has(id))
  if (unknown !== undefined) {
    throw badAssignment(`The manual partition assignment includes broker ${unknown}, but no such broker is registered.`)
  }
  if (new Set(replicas).size === replicas.length) return
  throw badAssignment('The manual partition assignment includes a broker more than once.')
}

export function badAssignment(message: string): ProtocolError {
  return new ProtocolError('INVALID_REPLICA_ASSIGNMENT', message)
}
