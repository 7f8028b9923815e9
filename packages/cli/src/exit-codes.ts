/** Owns the exit codes, which scripts rely on, and the sentence that a failed command leaves behind. */

export const EXIT_OK = 0
export const EXIT_FAILED = 1
export const EXIT_USAGE = 2
export const EXIT_UNREACHABLE = 3
export const EXIT_NOT_FOUND = 4
export const EXIT_EXISTS = 5
export const EXIT_DENIED = 6
/** As shells count a command that SIGINT has ended. */
export const EXIT_INTERRUPTED = 130

export const EXIT_CODES_HELP = `Exit codes:
  0    done
  1    failed
  2    wrong use of the command
  3    no broker could be reached
  4    topic, partition, group or file not found
  5    exists already
  6    not authorized
  130  interrupted`

/** Protocol errors by name, errors of the client and of the system by theirs. */
const CODES: Readonly<Record<string, number>> = {
  UsageError: EXIT_USAGE,
  AddressError: EXIT_USAGE,
  BrokersUnreachableError: EXIT_UNREACHABLE,
  UNKNOWN_TOPIC_OR_PARTITION: EXIT_NOT_FOUND,
  UNKNOWN_TOPIC_ID: EXIT_NOT_FOUND,
  RESOURCE_NOT_FOUND: EXIT_NOT_FOUND,
  GROUP_ID_NOT_FOUND: EXIT_NOT_FOUND,
  ENOENT: EXIT_NOT_FOUND,
  TOPIC_ALREADY_EXISTS: EXIT_EXISTS,
  TOPIC_AUTHORIZATION_FAILED: EXIT_DENIED,
  CLUSTER_AUTHORIZATION_FAILED: EXIT_DENIED,
  GROUP_AUTHORIZATION_FAILED: EXIT_DENIED,
  EACCES: EXIT_DENIED,
  NotFoundError: EXIT_NOT_FOUND,
}

/** Something that was named is not there: exit code 4. */
export class NotFoundError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'NotFoundError'
  }
}

/** One sentence, exit code 1, where no other error says it better. */
export class CommandError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'CommandError'
  }
}

/** By the error's own name, its protocol error or system code, or those of what caused it. */
export function exitCodeOf(error: unknown): number {
  if (!(error instanceof Error)) return EXIT_FAILED
  const { error: protocolError, code } = error as { error?: unknown; code?: unknown }
  for (const key of [protocolError, code, error.name]) {
    const exitCode = typeof key === 'string' ? CODES[key] : undefined
    if (exitCode !== undefined) return exitCode
  }
  return error.cause === undefined ? EXIT_FAILED : exitCodeOf(error.cause)
}

/** What to tell the user; advice where the error itself gives none. */
export function errorText(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error)
  return exitCodeOf(error) === EXIT_UNREACHABLE
    ? `${message}\nIs a broker running there? Start one with: ottla start; name another with --bootstrap HOST:PORT`
    : message
}

/** The worst of several outcomes: the first error decides, all are in the text. */
export function throwFirst(errors: readonly (Error | null)[]): void {
  const real = errors.filter((error) => error !== null)
  const [first] = real
  if (first === undefined) return
  if (real.length === 1) throw first
  throw new CommandError(real.map((error) => error.message).join('\n'), { cause: first })
}
