/** Apache Kafka as the oracle's scenarios meet it: with the settings of a profile, its data in a directory that goes away. */
import { ApacheKafka } from '../apache-kafka.ts'
import { TempDirectory } from '../temp-directory.ts'
import { PROFILES, type ProfileName } from './profiles.ts'
import type { Target } from './run.ts'
import { warmUp } from './warm-up.ts'

const HEAP = '-Xmx512m'
/** Metadata is seen by requests a few milliseconds after it was answered. */
const SETTLE_MS = 120

export class Kafka implements AsyncDisposable {
  readonly #broker: ApacheKafka
  readonly #directory: TempDirectory
  readonly target: Target

  static async start(profile: ProfileName): Promise<Kafka> {
    const directory = new TempDirectory('oracle')
    const options = { directory: directory.path, settings: PROFILES[profile], jvm: [HEAP] }
    const kafka = new Kafka(await ApacheKafka.start(options), directory)
    await warmUp(kafka.target)
    return kafka
  }

  private constructor(broker: ApacheKafka, directory: TempDirectory) {
    this.#broker = broker
    this.#directory = directory
    const { host, port, controllerPort, dataDirectory } = broker
    const places = [
      [`:${port}`, ':<port>'],
      [`:${controllerPort}`, ':<port>'],
      [dataDirectory, '<dir>'],
    ] as const
    this.target = { host, port, settleMs: SETTLE_MS, places }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#broker.kill()
    this.#directory[Symbol.dispose]()
  }
}
