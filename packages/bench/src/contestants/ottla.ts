/** Ottla, as `ottla start` runs it, with its defaults. */
import { BrokerProcess } from '../broker-process.ts'
import { runCommand } from '../child.ts'
import { ottlaLauncher } from '../paths.ts'
import type { Contestant } from './contestant.ts'

const VERSION_MS_MAX = 10_000

export const OTTLA: Contestant = {
  name: 'ottla',
  describe: async () => {
    const version = await runCommand(ottlaLauncher, ['--version'], { timeoutMs: VERSION_MS_MAX })
    return `Ottla ${version.trim()}, Node ${process.version}`
  },
  settings: ['its defaults'],
  topicConfigs: { synced: {}, cached: { 'write.caching': 'true' } },
  warmUpSeconds: { full: 10, quick: 4 },
  start: async (options) => await BrokerProcess.start(options),
}
