/** Compares what two brokers answered, and says where they differ. Lists of named things are aligned by their names. */

export interface Difference {
  /** `step 3: topics[@a].errorCode` */
  readonly path: string
  readonly kafka: unknown
  readonly ottla: unknown
}

const ABSENT = '<absent>'
/** What tells the elements of a list apart, the first that all have. */
const NAMES = [
  'name',
  'topic',
  'topicId',
  'resourceName',
  'partitionIndex',
  'partition',
  'index',
  'apiKey',
  'key',
  'groupId',
  'memberId',
]

export function differences(kafka: readonly unknown[], ottla: readonly unknown[]): Difference[] {
  return kafka.flatMap((outcome, i) => differ(outcome, ottla[i], `step ${i + 1}:`))
}

function differ(kafka: unknown, ottla: unknown, path: string): Difference[] {
  if (Object.is(kafka, ottla)) return []
  if (Array.isArray(kafka) && Array.isArray(ottla)) return differInLists(kafka, ottla, path)
  if (isObject(kafka) && isObject(ottla)) {
    const names = new Set([...Object.keys(kafka), ...Object.keys(ottla)])
    return [...names].flatMap((name) => differ(at(kafka, name), at(ottla, name), joined(path, name)))
  }
  return [{ path, kafka, ottla }]
}

function differInLists(kafka: readonly unknown[], ottla: readonly unknown[], path: string): Difference[] {
  const name = NAMES.find((name) => isNamedBy(kafka, name) && isNamedBy(ottla, name))
  if (name === undefined && kafka.length !== ottla.length) return [{ path, kafka, ottla }]
  if (name === undefined) return kafka.flatMap((value, i) => differ(value, ottla[i], `${path}[${i}]`))
  const [left, right] = [byName(kafka, name), byName(ottla, name)]
  const names = [...new Set([...left.keys(), ...right.keys()])]
  const inside = names.flatMap((key) => differ(left.get(key) ?? ABSENT, right.get(key) ?? ABSENT, `${path}[${key}]`))
  const isReordered = inside.length === 0 && left.size > 1 && [...left.keys()].join() !== [...right.keys()].join()
  return isReordered ? [{ path: `${path} order`, kafka: [...left.keys()], ottla: [...right.keys()] }] : inside
}

function byName(list: readonly unknown[], name: string): Map<unknown, unknown> {
  return new Map(list.map((value) => [(value as Record<string, unknown>)[name], value]))
}

function isNamedBy(list: readonly unknown[], name: string): boolean {
  const names = list.map((value) => (isObject(value) ? value[name] : undefined))
  return !names.includes(undefined) && !names.includes(null) && new Set(names).size === list.length
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return value !== null && typeof value === 'object' && !Array.isArray(value)
}

function at(value: Readonly<Record<string, unknown>>, name: string): unknown {
  return name in value ? value[name] : ABSENT
}

function joined(path: string, name: string): string {
  return path.endsWith(':') ? `${path} ${name}` : `${path}.${name}`
}
