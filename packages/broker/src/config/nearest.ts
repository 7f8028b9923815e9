/** Finds the name that somebody probably meant. */

/** The known name with the fewest edits from `name`; null when none is near enough to be meant. */
export function nearest(name: string, known: Iterable<string>): string | null {
  const distanceMax = Math.max(2, Math.floor(name.length / 3))
  let best: string | null = null
  let bestDistance = distanceMax + 1
  for (const candidate of known) {
    if (Math.abs(candidate.length - name.length) >= bestDistance) continue
    const distance = editDistance(name, candidate)
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance]
  }
  return best
}

/** Levenshtein's: the least number of insertions, removals and replacements. */
export function editDistance(from: string, to: string): number {
  let previous = Array.from({ length: to.length + 1 }, (_, i) => i)
  for (let i = 1; i <= from.length; i++) {
    const current = [i]
    for (let j = 1; j <= to.length; j++) {
      const replaced = previous[j - 1]! + (from[i - 1] === to[j - 1] ? 0 : 1)
      current.push(Math.min(replaced, previous[j]! + 1, current[j - 1]! + 1))
    }
    previous = current
  }
  return previous[to.length]!
}
