/** Owns a whole run of the command line, from arguments to exit code, on whatever streams and brokers it is given. */
import { type Command, CommanderError } from 'commander'
import type { CommandContext } from './context.ts'
import { EXIT_INTERRUPTED, EXIT_OK, EXIT_USAGE, errorText, exitCodeOf } from './exit-codes.ts'
import { buildProgram } from './program.ts'

/** Answers with the exit code; writes errors to standard error and throws nothing. */
export async function runCommand(args: readonly string[], context: CommandContext): Promise<number> {
  const { streams, signal } = context
  try {
    const program = buildProgram(async (act) => await act(context))
    configureOutput(program, context)
    if (args.length === 0) program.outputHelp()
    else await program.parseAsync([...args], { from: 'user' })
    return EXIT_OK
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT_OK : EXIT_USAGE
    if (streams.outputClosed.aborted) return EXIT_OK
    if (signal.aborted) return EXIT_INTERRUPTED
    streams.writeError(`ottla: ${errorText(error)}\n`)
    return exitCodeOf(error)
  }
}

/** Of this command and all below it: each has its own settings in commander. */
function configureOutput(command: Command, context: CommandContext): void {
  const { streams } = context
  command.exitOverride().configureOutput({
    writeOut: (text) => void streams.write(text),
    writeErr: (text) => streams.writeError(text),
    outputError: (text, write) => write(text.replace(/^error: /, 'ottla: ')),
  })
  for (const child of command.commands) configureOutput(child, context)
}
