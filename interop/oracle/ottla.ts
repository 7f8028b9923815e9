/** Ottla as the oracle's scenarios meet it: in this process, in memory, on a free port. */
import { Broker } from '@ottla/broker/broker.ts'
import { PROFILES, type ProfileName } from './profiles.ts'
import type { Target } from './run.ts'
import { warmUp } from './warm-up.ts'

export class Ottla implements AsyncDisposable {
  readonly #broker: Broker
  readonly target: Target

  static async start(profile: ProfileName): Promise<Ottla> {
    const ottla = new Ottla(await Broker.start({ storage: 'memory', port: 0, settings: PROFILES[profile] }))
    await warmUp(ottla.target)
    return ottla
  }

  private constructor(broker: Broker) {
    this.#broker = broker
    this.target = { host: '127.0.0.1', port: broker.port, places: [[`:${broker.port}`, ':<port>']], settleMs: 0 }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#broker[Symbol.asyncDispose]()
  }
}
