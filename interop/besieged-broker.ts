/**
 * Owns a broker that is given bad input, and a bystander: a client that is connected all the while and must not notice.
 * The log can be asked line by line for what one piece of bad input has caused.
 */
import assert from 'node:assert/strict'
import type { BrokerConnection } from '@ottla/client/connection.ts'
import { BrokerProcess } from './broker-process.ts'
import { batchOf, connect, createTopic, fetchOnce, produce } from './cluster.ts'
import { RawConnection } from './raw-connection.ts'
import { int32 } from './raw-frames.ts'
import { TempDirectory } from './temp-directory.ts'

/** A size that nobody else sends: its line in the log marks the end of what came before it. */
const MARKER_SIZE = -77

export class BesiegedBroker implements AsyncDisposable {
  readonly topic = 'steady'
  readonly broker: BrokerProcess
  readonly bystander: BrokerConnection
  readonly #directory: TempDirectory
  #linesSeen = 0

  static async start(): Promise<BesiegedBroker> {
    const directory = new TempDirectory('hostile')
    const broker = await BrokerProcess.start({ dataDir: directory.of('data') })
    return new BesiegedBroker(broker, await connect(broker), directory)
  }

  private constructor(broker: BrokerProcess, bystander: BrokerConnection, directory: TempDirectory) {
    this.broker = broker
    this.bystander = bystander
    this.#directory = directory
  }

  async createTopic(): Promise<void> {
    await createTopic(this.bystander, { name: this.topic })
  }

  /** Another client writes a record and reads it. */
  async servesBystander(): Promise<void> {
    const { error, baseOffset } = await produce(this.bystander, { topic: this.topic }, batchOf(['still here']))
    assert.equal(error, 'NONE')
    const { batches } = await fetchOnce(this.bystander, { topic: this.topic, offset: baseOffset })
    assert.equal(batches.length, 1, 'The bystander reads what it has written')
  }

  async closesOn(bytes: Buffer): Promise<void> {
    using client = await RawConnection.open(this.broker)
    client.write(bytes)
    assert.equal(await client.frame(), null, 'The connection is closed without an answer')
  }

  /** Sends bytes by a connection of their own and answers with the frame that comes back; null when it is closed. */
  async answerTo(bytes: Buffer): Promise<Buffer | null> {
    using client = await RawConnection.open(this.broker)
    client.write(bytes)
    return await client.frame()
  }

  /** The lines that were logged since the last call. */
  async newLogLines(): Promise<string[]> {
    await this.closesOn(int32(MARKER_SIZE))
    const isMarker = (line: string): boolean => line.includes(`a frame of ${MARKER_SIZE} bytes`)
    let lines = await this.broker.logLinesFrom(this.#linesSeen, 1)
    while (!lines.some(isMarker)) lines = await this.broker.logLinesFrom(this.#linesSeen, lines.length + 1)
    const end = lines.findIndex(isMarker)
    this.#linesSeen += end + 1
    return lines.slice(0, end)
  }

  async saidOneLine(): Promise<void> {
    const lines = await this.newLogLines()
    assert.equal(lines.length, 1, `There is one line in the log, not ${lines.length}:\n${lines.join('\n')}`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.bystander[Symbol.asyncDispose]()
    await this.broker[Symbol.asyncDispose]()
    this.#directory[Symbol.dispose]()
  }
}
