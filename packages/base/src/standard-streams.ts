/**
 * Owns a command's edges: standard input, output and error, and files that are read from start to end as a stream.
 * Data directories are not its business: those are the Disk port's.
 *
 * Output has back-pressure (`write` answers with a promise when the reader is slow) and a reader that goes away
 * (`| head`) is an ordinary event: `outputClosed` aborts and further output is dropped, nothing is thrown.
 */
import { createReadStream } from 'node:fs'
import { readFile } from 'node:fs/promises'

export interface StandardStreams {
  /** Chunks of standard input as they come, to its end. Each chunk belongs to the reader. */
  input(): AsyncIterable<Buffer>
  /** Chunks of a file, to its end. Rejects with the system's error (ENOENT, EACCES, EISDIR …) on the first chunk. */
  file(path: string): AsyncIterable<Buffer>
  /** A whole file, which has to fit into memory. Rejects as `file` does. */
  wholeFile(path: string): Promise<Buffer>
  /**
   * Writes to standard output in order. Answers null when there is room for more, else a promise that resolves once
   * there is, or once the reader has gone.
   */
  write(bytes: Uint8Array | string): Promise<void> | null
  /** Resolves once all output has been taken by the system, or the reader has gone. */
  drained(): Promise<void>
  /** Messages for people. Not awaited: a terminal or a file takes them at once. */
  writeError(text: string): void
  readonly inputIsTerminal: boolean
  readonly outputIsTerminal: boolean
  readonly errorIsTerminal: boolean
  /** Aborts when nobody reads standard output any more (EPIPE). */
  readonly outputClosed: AbortSignal
}

/** Bytes of a file that are read at once. */
const FILE_CHUNK_BYTES = 1 << 20
/** Timers in `setInterval` may wait this long, in ms; the callback does nothing anyway. */
const HOLD_INTERVAL_MS = 0x7fff_ffff

/** The streams of this process. Make it once: it listens for errors of standard output. */
export function processStreams(): StandardStreams {
  const closed = new AbortController()
  process.stdout.on('error', (error: NodeJS.ErrnoException) => closed.abort(error))
  process.stderr.on('error', () => {})
  return {
    input: () => process.stdin as AsyncIterable<Buffer>,
    file: (path) => createReadStream(path, { highWaterMark: FILE_CHUNK_BYTES }) as AsyncIterable<Buffer>,
    wholeFile: (path) => readFile(path),
    write: (bytes) => {
      if (closed.signal.aborted || process.stdout.write(bytes)) return null
      return waitForOutput(closed.signal, (done) => process.stdout.once('drain', done))
    },
    drained: () => waitForOutput(closed.signal, (done) => process.stdout.write('', done)),
    writeError: (text) => void process.stderr.write(text),
    inputIsTerminal: process.stdin.isTTY === true,
    outputIsTerminal: process.stdout.isTTY === true,
    errorIsTerminal: process.stderr.isTTY === true,
    outputClosed: closed.signal,
  }
}

/**
 * Keeps the process alive until released. Our timers do not (timers.ts), so a command that only waits for the next
 * attempt to connect would otherwise end in the middle of its work.
 */
export function holdProcess(): { release(): void } {
  const timer = setInterval(() => {}, HOLD_INTERVAL_MS)
  return { release: () => clearInterval(timer) }
}

function waitForOutput(closed: AbortSignal, whenDone: (done: () => void) => void): Promise<void> {
  if (closed.aborted) return Promise.resolve()
  return new Promise((resolve) => {
    const done = (): void => {
      closed.removeEventListener('abort', done)
      resolve()
    }
    closed.addEventListener('abort', done)
    whenDone(done)
  })
}
