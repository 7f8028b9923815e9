/** How many there are of each; what there is none of is not kept. */
export class Tally<K> {
  readonly #counts = new Map<K, number>()

  add(key: K, count = 1): void {
    const sum = (this.#counts.get(key) ?? 0) + count
    if (sum === 0) this.#counts.delete(key)
    else this.#counts.set(key, sum)
  }

  count(key: K): number {
    return this.#counts.get(key) ?? 0
  }

  get size(): number {
    return this.#counts.size
  }

  keys(): Iterable<K> {
    return this.#counts.keys()
  }

  copy(): Tally<K> {
    const copy = new Tally<K>()
    for (const [key, count] of this.#counts) copy.add(key, count)
    return copy
  }

  /** The one that there is most of, if it is one. */
  most(): K | null {
    let most: K | null = null
    let mostCount = 0
    for (const [key, count] of this.#counts) {
      if (count === mostCount) most = null
      if (count <= mostCount) continue
      most = key
      mostCount = count
    }
    return most
  }
}
