/**
 * Lines of semantics.md that cannot be asked yet, each with what it waits for. They count as lines without a scenario:
 * the reason only says that the hole is known. A line that a scenario covers must not be here.
 */
const SECURITY = 'an authoriser, and listeners that know their clients'
const QUOTAS = 'quotas'
const BROKERS = 'several brokers'
const TRANSACTIONS = 'transactions'

export const WAITS_FOR: Readonly<Record<string, string>> = {
  '0.5': QUOTAS,
  '0.6': BROKERS,
  '2.5': BROKERS,
  '2.7': SECURITY,
  '4.9': TRANSACTIONS,
  '4.10': `${BROKERS}; a directory that fails, which Apache Kafka cannot be brought to from outside`,
  '4.23': TRANSACTIONS,
  '5.16': 'a directory that fails, and tiered storage',
  '5.17': QUOTAS,
  '6.5': BROKERS,
  '8.2': `${BROKERS}, or a disk that fails; the coordinator’s own tests ask it of Ottla alone`,
  '9.2': SECURITY,
  '9.25': 'a reader of `__consumer_offsets`, which holds the records of all runs',
  '13.6': QUOTAS,
  '13.24': 'AlterReplicaLogDirs (34), which is not served yet',
  '16.2': 'scenarios that wait for a check of what logs keep; interop/tools asks it with Kafka’s own tools',
  '16.3': 'scenarios that wait for a compaction; interop/tools asks it with Kafka’s own tools',
  '16.4': BROKERS,
  '16.7': BROKERS,
  '16.8': BROKERS,
  '16.9': BROKERS,
  '16.10': 'scenarios that stop and start a broker; the crash suites ask it of Ottla alone',
}
