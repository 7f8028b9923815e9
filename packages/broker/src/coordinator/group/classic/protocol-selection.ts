/** Which protocols a group may use: counted as members come and go, chosen by vote when a generation begins. */
import { assert } from '@ottla/base/assert.ts'
import type { MemberProtocol } from './member.ts'

/** How many members support each protocol, kept up to date so that a join costs its own protocols only. */
export class ProtocolSupport {
  readonly #supporters = new Map<string, number>()

  add(protocols: readonly MemberProtocol[]): void {
    for (const { name } of protocols) this.#supporters.set(name, this.of(name) + 1)
  }

  remove(protocols: readonly MemberProtocol[]): void {
    for (const { name } of protocols) {
      const left = this.of(name) - 1
      assert(left >= 0, `Protocol "${name}" is supported by no fewer than 0 members`)
      if (left === 0) this.#supporters.delete(name)
      else this.#supporters.set(name, left)
    }
  }

  of(name: string): number {
    return this.#supporters.get(name) ?? 0
  }

  get size(): number {
    return this.#supporters.size
  }
}

/**
 * Each member votes for the first of its protocols that all support; most votes win, then the earlier voter's choice.
 * There must be members, and one protocol in common: joins that would leave none were refused.
 */
export function selectProtocol(choices: readonly (readonly MemberProtocol[])[]): string {
  const support = new ProtocolSupport()
  for (const protocols of choices) support.add(protocols)
  const votes = new Map<string, number>()
  for (const protocols of choices) {
    const vote = protocols.find(({ name }) => support.of(name) === choices.length)
    assert(vote !== undefined, 'The members have a protocol in common')
    votes.set(vote.name, (votes.get(vote.name) ?? 0) + 1)
  }
  const [winner] = [...votes].reduce((best, each) => (each[1] > best[1] ? each : best))
  return winner
}
