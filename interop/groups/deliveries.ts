/**
 * Owns the account of what the members of one group were delivered: what is missing, what came more than once, and what
 * came although it must not have: to a member that did not own its partition, or after it was committed.
 */
import type { Delivery, MemberProcess } from './member-process.ts'
import type { Ownership } from './ownership.ts'

interface Account {
  readonly member: string
  readonly partition: string
  readonly offset: number
  times: number
}

export class Deliveries {
  readonly #taken = new Map<MemberProcess, number>()
  readonly #values = new Set<string>()
  /** By member, partition and offset. */
  readonly #accounts = new Map<string, Account>()
  #count = 0

  /** Takes what has come since. */
  take(processes: Iterable<MemberProcess>): void {
    for (const process of processes) {
      const from = this.#taken.get(process) ?? 0
      for (const delivery of process.deliveries.slice(from)) this.#takeOne(delivery)
      this.#taken.set(process, process.deliveries.length)
    }
  }

  /** How many came again: at least once is what a group promises where it is not committed in time. */
  get repeated(): number {
    return this.#count - this.#values.size
  }

  missing(values: readonly string[]): string[] {
    return values.filter((value) => !this.#values.has(value))
  }

  /** In words. The ownership must have caught up. */
  faults(ownership: Ownership): string[] {
    return [...this.#accounts.values()]
      .filter((account) => account.times > ownership.deliveriesMax(account.member, account))
      .map((account) => {
        const max = ownership.deliveriesMax(account.member, account)
        return `${account.partition}@${account.offset} came ${account.times} times to ${account.member}, not ${max}`
      })
  }

  #takeOne({ member, record: [topic, index, offset, value] }: Delivery): void {
    const partition = `${topic}-${index}`
    const key = `${member} ${partition} ${offset}`
    const account = this.#accounts.get(key)
    if (account === undefined) this.#accounts.set(key, { member, partition, offset, times: 1 })
    else account.times++
    this.#values.add(value)
    this.#count++
  }
}
