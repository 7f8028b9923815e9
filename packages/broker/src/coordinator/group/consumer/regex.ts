/**
 * Subscriptions by regular expression: RE2's syntax, so that no expression takes more than linear time. Resolving is
 * work piece by piece between turns; its outcome says which topics each expression matches whole, of those that are not
 * internal and that the member whose heartbeat asked for it may describe.
 */
import { ProtocolError } from '@ottla/protocol/errors.ts'
import { LazyModule } from '@ottla/protocol/records/lazy-module.ts'
import type { MetadataImage } from '../../../metadata/image.ts'
import type { Caller } from '../world.ts'

type Re2js = typeof import('re2js')
type Pattern = ReturnType<Re2js['RE2JS']['compile']>

const re2js = new LazyModule<Re2js>('re2js')

/** Matches in one piece of work; each takes microseconds, for the longest names and expressions some milliseconds. */
const MATCHES_A_PIECE = 64

/** Throws INVALID_REGULAR_EXPRESSION. */
export function checkRegex(regex: string): void {
  compiled(regex)
}

function compiled(regex: string): Pattern {
  const { RE2JS, RE2JSException, RE2JSSyntaxException } = re2js.load()
  try {
    return RE2JS.compile(regex)
  } catch (cause) {
    if (!(cause instanceof RE2JSException)) throw cause
    const reason = cause instanceof RE2JSSyntaxException ? cause.getDescription() : cause.message
    const message = `SubscribedTopicRegex \`${regex}\` is not a valid regular expression: ${reason}.`
    throw new ProtocolError('INVALID_REGULAR_EXPRESSION', message, { cause })
  }
}

export interface RegexTask {
  readonly regexes: readonly string[]
  readonly image: MetadataImage
  readonly caller: Caller
}

export type Matches = ReadonlyMap<string, ReadonlySet<string>>

export function* matchTopics({ regexes, image, caller }: RegexTask): Generator<void, Matches> {
  const topics = Array.from(image.topicsByName.values()).filter(({ internal }) => !internal)
  const visible = new Map<string, boolean>()
  const matches = new Map<string, Set<string>>()
  let count = 0
  for (const regex of regexes) {
    // What an earlier version took may be refused by a later one: then it matches nothing.
    const pattern = compiledOrNull(regex)
    const matched = new Set<string>()
    for (const { name } of pattern === null ? [] : topics) {
      if (++count % MATCHES_A_PIECE === 0) yield
      if (pattern!.matches(name) && maySee(name)) matched.add(name)
    }
    matches.set(regex, matched)
  }
  return matches

  function maySee(name: string): boolean {
    const known = visible.get(name) ?? caller.mayDescribeTopic(name)
    visible.set(name, known)
    return known
  }
}

function compiledOrNull(regex: string): Pattern | null {
  try {
    return compiled(regex)
  } catch (error) {
    if (error instanceof ProtocolError) return null
    throw error
  }
}
