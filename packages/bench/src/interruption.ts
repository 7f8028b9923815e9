/**
 * Owns the end that somebody asks for by Ctrl-C: commands that run then are ended, none is started any more, and the run
 * unwinds, which ends the brokers and removes what they wrote.
 */
export const interruption = new AbortController()

/** The bench was asked to end. */
export class InterruptedError extends Error {
  readonly exitCode: number

  constructor(exitCode: number) {
    super('The bench was interrupted')
    this.name = 'InterruptedError'
    this.exitCode = exitCode
  }
}

/** Exit codes as a shell gives them to processes that a signal ended. */
const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const

/** A second signal ends the process on the spot. */
export function listenForInterruption(): void {
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.once(name, () => interruption.abort(new InterruptedError(EXIT_CODES[name])))
  }
}
