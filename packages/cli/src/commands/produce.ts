/** Owns `ottla produce`: a line becomes a record, in the order of the lines for each partition. */
import { deferred } from '@ottla/base/deferred.ts'
import { Producer, type ProducerOptions } from '@ottla/client/producer/producer.ts'
import { parseEscapes } from '../arguments.ts'
import type { BrokerOptions, CommandContext } from '../context.ts'
import { CommandError } from '../exit-codes.ts'
import { jsonLines, type LineParser, parseHeaders, plainLines } from '../input-records.ts'
import { splitLines } from '../lines.ts'
import { countText, Progress } from '../output.ts'

export interface ProduceOptions extends BrokerOptions {
  readonly file?: string
  readonly json?: boolean
  readonly keySeparator?: string
  readonly nullMarker?: string
  readonly header?: readonly string[]
  readonly partition?: number
  readonly compression?: NonNullable<ProducerOptions['compression']>
  readonly acks?: 'all' | '1' | '0'
  readonly quiet?: boolean
}

export async function produce(context: CommandContext, topic: string, options: ProduceOptions): Promise<void> {
  const { streams, signal } = context
  const parse = parserOf(options)
  await using client = await context.openClient(options.bootstrap)
  await using producer = new Producer(client, producerOptions(options))
  const source = options.file === undefined || options.file === '-' ? streams.input() : streams.file(options.file)
  const progress = new Progress(streams, context.clock)
  const delivery = new Tally()
  let bytes = 0
  let read = 0
  try {
    for await (const lines of untilAborted(splitLines(source), signal)) {
      const records = lines.map((line, index) => parse(line, read + index + 1))
      for (const line of lines) bytes += line.length
      read += lines.length
      await producer.writable({ signal })
      delivery.add(producer.sendBatch(topic, records))
      if (delivery.error !== null) break
      progress.update(delivery.stored, bytes)
    }
    await producer.flush({ signal })
    await delivery.settled()
  } finally {
    progress.clear()
  }
  if (delivery.error !== null) throw delivery.failure(read)
  if (options.quiet !== true && streams.errorIsTerminal)
    streams.writeError(`${countText(delivery.stored)} records stored in ${topic}\n`)
}

/** What became of all calls, without keeping one promise for each that is done. */
class Tally {
  stored = 0
  error: unknown = null
  readonly #open = new Set<Promise<void>>()

  add(result: Promise<{ readonly recordCount: number }>): void {
    const noted = result.then(
      ({ recordCount }) => {
        this.stored += recordCount
      },
      (error) => {
        this.error ??= error
      },
    )
    this.#open.add(noted)
    void noted.then(() => this.#open.delete(noted))
  }

  async settled(): Promise<void> {
    await Promise.all(this.#open)
  }

  failure(read: number): Error {
    const reason = this.error instanceof Error ? this.error.message : String(this.error)
    const text = `${reason}\nAt least ${countText(this.stored)} of ${countText(read)} records were stored before`
    return new CommandError(text, { cause: this.error })
  }
}

function parserOf(options: ProduceOptions): LineParser {
  const headers = parseHeaders(options.header ?? [])
  const partition = options.partition ?? null
  if (options.json === true) return jsonLines({ headers, partition })
  const bytesOf = (text: string | undefined): Buffer | null => (text === undefined ? null : parseEscapes(text))
  return plainLines({
    headers,
    partition,
    keySeparator: bytesOf(options.keySeparator),
    nullMarker: bytesOf(options.nullMarker),
  })
}

function producerOptions(options: ProduceOptions): ProducerOptions {
  const { compression = 'none', acks = 'all' } = options
  return { compression, acks: acks === 'all' ? 'all' : acks === '1' ? 1 : 0 }
}

/** Input that never ends (a terminal, a pipe) must not keep an interrupted command alive. */
async function* untilAborted<T>(source: AsyncGenerator<T>, signal: AbortSignal): AsyncGenerator<T> {
  signal.throwIfAborted()
  const aborted = deferred<never>()
  aborted.promise.catch(() => {})
  const abort = (): void => aborted.reject(signal.reason)
  signal.addEventListener('abort', abort, { once: true })
  try {
    for (;;) {
      const { done, value } = await Promise.race([source.next(), aborted.promise])
      if (done === true) return
      yield value
    }
  } finally {
    signal.removeEventListener('abort', abort)
  }
}
