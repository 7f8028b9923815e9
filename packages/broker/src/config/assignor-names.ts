/** The assignors that `group.consumer.assignors` may name: Kafka's two, by their names or by their Java classes. */
const PACKAGE = 'org.apache.kafka.coordinator.group.assignor.'
const CLASSES: ReadonlyMap<string, string> = new Map([
  [`${PACKAGE}UniformAssignor`, 'uniform'],
  [`${PACKAGE}RangeAssignor`, 'range'],
])
const NAMES: ReadonlySet<string> = new Set(CLASSES.values())

/** The name; null for what is neither, as a class of somebody's own cannot be loaded here. */
export function assignorName(item: string): string | null {
  return NAMES.has(item) ? item : (CLASSES.get(item) ?? null)
}
