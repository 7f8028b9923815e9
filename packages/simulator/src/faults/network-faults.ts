/** Between hosts: cuts, slow ways, connections that break, and answers that are lost after the question has had its effect. */
import type { Fault, FaultHost } from './fault.ts'

const SLOW_MS_MAX = 300
/** How long answers pile up before the connection breaks. */
const ANSWERS_MS_MAX = 400

export class NetworkFaults {
  readonly #host: FaultHost

  constructor(host: FaultHost) {
    this.#host = host
  }

  get all(): readonly Fault[] {
    return [
      [3, (id) => this.#cut(broker(id), this.#otherBroker(id))],
      [2, (id) => this.#cut(...this.#eitherWay(id))],
      [1, (id) => this.#slow(broker(id), this.#otherBroker(id))],
      [1, (id) => this.#slow(...this.#eitherWay(id))],
      [2, (id) => this.#loseAnswers(id, this.#client())],
      [1, (id) => this.#loseAnswers(id, this.#otherBroker(id))],
      [1, (id) => this.#reset(id)],
    ]
  }

  #cut(from: string, to: string): void {
    const { cluster, events, random, tell, later } = this.#host
    const isOneWay = random.below(2) === 0
    events.count(isOneWay ? 'one-way cut' : 'cut')
    if (isOneWay) cluster.network.cutOneWay(from, to)
    else cluster.network.cut(from, to)
    const endMs = later(() => cluster.network.heal(from, to))
    tell(`${from} ${isOneWay ? 'does not reach' : 'is cut off from'} ${to} until ${endMs}`)
  }

  #slow(from: string, to: string): void {
    const { cluster, events, tell, later } = this.#host
    events.count('slow way')
    cluster.network.slow(from, to, SLOW_MS_MAX)
    const endMs = later(() => cluster.network.heal(from, to))
    tell(`bytes from ${from} to ${to} are late until ${endMs}`)
  }

  /** Questions arrive and have their effect; whoever asked sees a reset, and asks again. */
  #loseAnswers(id: number, asking: string): void {
    const { cluster, events, random, tell, after } = this.#host
    events.count('lost answers')
    cluster.network.cutOneWay(broker(id), asking)
    const endMs = after(1 + random.below(ANSWERS_MS_MAX), () => {
      cluster.network.reset(broker(id), asking)
      cluster.network.heal(broker(id), asking)
    })
    tell(`answers of ${broker(id)} to ${asking} are lost until ${endMs}, and then the connections`)
  }

  /** Somebody between them has lost its memory: every connection of the broker breaks at once. */
  #reset(id: number): void {
    const { cluster, events, tell } = this.#host
    events.count('reset')
    const brokers = cluster.ids.filter((other) => other !== id).map(broker)
    for (const other of [...brokers, ...cluster.clients.hosts]) cluster.network.reset(broker(id), other)
    tell(`the connections of ${broker(id)} break`)
  }

  #otherBroker(id: number): string {
    return broker(this.#host.pick(this.#host.cluster.ids.filter((other) => other !== id)))
  }

  #client(): string {
    return this.#host.pick(this.#host.cluster.clients.hosts)
  }

  #eitherWay(id: number): [from: string, to: string] {
    const client = this.#client()
    return this.#host.random.below(2) === 0 ? [broker(id), client] : [client, broker(id)]
  }
}

function broker(id: number): string {
  return `broker-${id}`
}
