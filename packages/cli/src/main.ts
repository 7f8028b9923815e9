/** The process of the command line: arguments, signals, exit code; nothing else. */
import { systemClock } from '@ottla/base/clock.ts'
import { NodeDisk } from '@ottla/base/node-disk.ts'
import { holdProcess, processStreams } from '@ottla/base/standard-streams.ts'
import { EXIT_INTERRUPTED } from './exit-codes.ts'
import { runCommand } from './run.ts'

const streams = processStreams()
const hold = holdProcess()
const interrupt = new AbortController()

/** The first signal ends the command in order, the second at once. */
function onSignal(): void {
  if (interrupt.signal.aborted) process.exit(EXIT_INTERRUPTED)
  interrupt.abort(new Error('Interrupted'))
}
process.on('SIGINT', onSignal)
process.on('SIGTERM', onSignal)

const exitCode = await runCommand(process.argv.slice(2), {
  streams,
  clock: systemClock,
  disk: new NodeDisk(),
  signal: AbortSignal.any([interrupt.signal, streams.outputClosed]),
  openClient: async (bootstrap) => {
    const { openClient } = await import('@ottla/client/client.ts')
    const options = { bootstrap, clientId: 'ottla-cli' }
    return await openClient(options, { signal: interrupt.signal })
  },
})
await streams.drained()
hold.release()
process.exit(exitCode)
