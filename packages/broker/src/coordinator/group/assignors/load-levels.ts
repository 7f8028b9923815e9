/**
 * Members ordered by load, in buckets: the least and the most loaded one are found, and moved by one, in constant time.
 * The loads themselves are the caller's; this only keeps the order of them.
 */
import { assert } from '@ottla/base/assert.ts'

/** Taken from the head and from the tail; members of one load are taken in turn. */
interface Level {
  readonly members: number[]
  head: number
}

export class LoadLevels {
  readonly #levels = new Map<number, Level>()
  #least: number
  #most: number
  #count: number

  constructor(members: readonly number[], loads: Int32Array) {
    assert(members.length > 0, 'Somebody carries the load')
    this.#least = Number.MAX_SAFE_INTEGER
    this.#most = 0
    this.#count = members.length
    for (const member of members) {
      const load = loads[member]!
      this.#put(load, member)
      this.#least = Math.min(this.#least, load)
      this.#most = Math.max(this.#most, load)
    }
  }

  /** How much more the most loaded carries than the least loaded. */
  spread(): number {
    if (this.#count === 0) return 0
    this.#settle()
    return this.#most - this.#least
  }

  /** One of the least loaded, whose load is from now on greater by one. */
  fillLeast(): number {
    this.#settle()
    const level = this.#levels.get(this.#least)!
    const member = level.members[level.head++]!
    this.#put(this.#least + 1, member)
    this.#most = Math.max(this.#most, this.#least + 1)
    return member
  }

  /** One of the most loaded among those that can give; the others above it are out of the order for good. */
  mostWith(canGive: (member: number) => boolean): number | null {
    while (this.#count > 0) {
      this.#settle()
      const { members } = this.#levels.get(this.#most)!
      if (canGive(members.at(-1)!)) return members.at(-1)!
      members.pop()
      this.#count--
    }
    return null
  }

  /** The load of the one that `mostWith` named is from now on less by one. */
  takeFromMost(): void {
    const member = this.#levels.get(this.#most)!.members.pop()!
    this.#put(this.#most - 1, member)
    this.#least = Math.min(this.#least, this.#most - 1)
  }

  #put(load: number, member: number): void {
    const level = this.#levels.get(load)
    if (level === undefined) this.#levels.set(load, { members: [member], head: 0 })
    else level.members.push(member)
  }

  /** Bounds move past the levels that have run empty. */
  #settle(): void {
    while (this.#isEmpty(this.#least)) this.#least++
    while (this.#isEmpty(this.#most)) this.#most--
  }

  #isEmpty(load: number): boolean {
    const level = this.#levels.get(load)
    return level === undefined || level.head === level.members.length
  }
}
