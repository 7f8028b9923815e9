/** The assignors that a group can be told to use, by the names of `group.consumer.assignors`. */
import type { Assignor } from './assignor.ts'
import { assignRanges } from './range.ts'
import { assignUniformly } from './uniform.ts'

const ASSIGNORS: ReadonlyMap<string, Assignor> = new Map([
  ['uniform', assignUniformly],
  ['range', assignRanges],
])

export function assignorNamed(name: string): Assignor | undefined {
  return ASSIGNORS.get(name)
}
