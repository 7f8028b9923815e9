/** Structured logging behind a port, so that no module chooses a library and tests can read what was logged. */
export interface Logger {
  debug(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  error(message: string, fields?: LogFields): void
  /** A logger that adds these fields to each of its lines. */
  child(fields: LogFields): Logger
}

/** `error` may hold an Error: its message, stack and causes are written. */
export type LogFields = { readonly [name: string]: unknown }
