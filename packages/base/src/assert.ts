/** A broken promise of our own code, never of a peer: see STYLE.md's three kinds of errors in CONTRIBUTING.md. */
export class AssertionError extends Error {
  override readonly name = 'AssertionError'
}

/** Fails when a condition that our own code promises does not hold. Stays on in production. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new AssertionError(message)
}

/** The last branch of a switch over a union: adding a member makes the type checker point here. */
export function unreachable(value: never): never {
  throw new AssertionError(`Unreachable: ${JSON.stringify(value)}`)
}
