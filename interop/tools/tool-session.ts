/**
 * Owns what one check does with Kafka's tools: each is run against the check's broker, must end as the check says, and
 * is written down for the transcript.
 */
import assert from 'node:assert/strict'
import { runKafkaTool } from '../apache-kafka.ts'
import type { BrokerAddress } from '../cluster.ts'
import type { TempDirectory } from '../temp-directory.ts'
import type { Step } from '../transcript.ts'
import { KAFKA_TOOLS, type KafkaTool, toolWords } from './kafka-tools.ts'
import { withoutLoggerNotice } from './tool-output.ts'

/** A tool that has not ended by then hangs. A guard, not a measurement. */
const TOOL_MS_MAX = 120_000
/** How a tool ends, nearly always, that was refused. */
const REFUSED = 1

export interface ToolSessionOptions {
  readonly address: BrokerAddress
  /** Of the broker. */
  readonly dataDir: string
  /** For files that tools read and write. */
  readonly directory: TempDirectory
  readonly steps?: Step[]
}

export class ToolSession {
  readonly address: BrokerAddress
  readonly dataDir: string
  readonly directory: TempDirectory
  /** In the order in which they ended. */
  readonly steps: Step[]

  constructor({ address, dataDir, directory, steps = [] }: ToolSessionOptions) {
    this.address = address
    this.dataDir = dataDir
    this.directory = directory
    this.steps = steps
  }

  /** The same check, at another broker. */
  at(address: BrokerAddress, dataDir: string): ToolSession {
    const { directory, steps } = this
    return new ToolSession({ address, dataDir, directory, steps })
  }

  /** What the tool wrote to its standard output; it must end with exit code 0. */
  async succeed(tool: KafkaTool, args: readonly string[], input?: string): Promise<string> {
    const { code, stdout, stderr } = await this.#run(tool, args, input)
    assert.equal(code, 0, `${tool} ${args.join(' ')} succeeds, it said:\n${stdout}${stderr}`)
    return stdout
  }

  /** All that the tool said; it must end with the exit code of a tool that was refused. */
  async refused(tool: KafkaTool, args: readonly string[], exitCode = REFUSED): Promise<string> {
    const { code, stdout, stderr } = await this.#run(tool, args)
    assert.equal(code, exitCode, `${tool} ${args.join(' ')} is refused, it said:\n${stdout}${stderr}`)
    return stdout + stderr
  }

  /** Writes down something that was done without a tool. */
  note(command: string, output = ''): void {
    this.steps.push({ command, code: 0, output })
  }

  async #run(tool: KafkaTool, args: readonly string[], input?: string) {
    const { host, port } = this.address
    const words = toolWords(tool, args, `${host}:${port}`)
    const options = { timeoutMs: TOOL_MS_MAX, ...(input === undefined ? {} : { input }) }
    const { code, stdout, stderr } = await runKafkaTool(KAFKA_TOOLS[tool], words, options)
    const errors = withoutLoggerNotice(stderr)
    this.steps.push({ command: this.#shown([tool, ...words].join(' ')), code, output: this.#shown(stdout + errors) })
    return { code, stdout, stderr: errors }
  }

  /** The directory of a run means nothing to who reads about it. */
  #shown(text: string): string {
    return text.replaceAll(this.directory.path, '<dir>')
  }
}
