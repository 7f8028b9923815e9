/** Owns how a row is named to people: with its durability, without which its figures say nothing. */
import type { Row } from './row.ts'

export function rowTitle({ name, durability }: Pick<Row, 'name' | 'durability'>): string {
  return durability === null ? name : `${name} (${durability})`
}
