/** Ottla, as `ottla start` runs it. */
import { BrokerProcess } from '../broker-process.ts'
import { runCommand } from '../child.ts'
import { ottlaLauncher } from '../paths.ts'
import type { Contestant } from './contestant.ts'

// As Kafka's here: what the kernel has not written yet of deleted files never costs the next row.
const SETTINGS = { 'log.segment.delete.delay.ms': '100' }

const VERSION_MS_MAX = 10_000

export const OTTLA: Contestant = {
  name: 'ottla',
  describe: async () => {
    const version = await runCommand(ottlaLauncher, ['--version'], { timeoutMs: VERSION_MS_MAX })
    return `Ottla ${version.trim()}, Node ${process.version}`
  },
  settings: ['its defaults', ...Object.entries(SETTINGS).map(([name, value]) => `${name}=${value}`)],
  topicConfigs: { synced: {}, cached: { 'write.caching': 'true' } },
  warmUpSeconds: { full: 10, quick: 4 },
  start: async (options) => await BrokerProcess.start({ ...options, settings: SETTINGS }),
}
