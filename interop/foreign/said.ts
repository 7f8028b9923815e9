/** Owns the line that a foreign program prints: what it used, how many records went in and came out, and what failed. Pure. */

export interface Said {
  readonly client: string
  readonly version: string
  readonly produced: number
  readonly consumed: number
  /** Records that members of groups read, by the protocol of the group. */
  readonly groups: Readonly<Record<string, number>>
  readonly ok: boolean
  readonly error: string
}

/** The last line that is JSON: some clients write there too. Throws where there is none, or it is not such a line. */
export function saidIn(output: string): Said {
  const line = output.split('\n').findLast((text) => text.startsWith('{'))
  if (line === undefined) throw new Error(`Cannot find a result in what the program printed:\n${output}`)
  const value = JSON.parse(line) as Partial<Said>
  const { client, version, produced, consumed, groups, ok, error = '' } = value
  if (typeof client !== 'string' || typeof version !== 'string' || typeof ok !== 'boolean') throw unreadable(line)
  if (!Number.isSafeInteger(produced) || !Number.isSafeInteger(consumed)) throw unreadable(line)
  if (!Object.values(groups ?? { none: NaN }).every(Number.isSafeInteger)) throw unreadable(line)
  return { client, version, produced: produced!, consumed: consumed!, groups: groups!, ok, error }
}

function unreadable(line: string): Error {
  return new Error(`Cannot read as a result: ${line}`)
}
