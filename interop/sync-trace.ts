/**
 * Owns what a trace of system calls says about durability: whether, when a reply began to leave by a connection, all
 * that had been written to a log had been synced since.
 *
 * The trace is strace's with -f and -yy: one line a call, or two (`<unfinished ...>`, `<... resumed>`) where another
 * thread came between. A thread stands still until its call is in the trace, so the order of lines is that of causes.
 * A sync covers what was written before it began, and counts once it has ended with 0.
 */

/** A reply's first byte went to the kernel. */
export interface TracedReply {
  /** The client's port. */
  readonly clientPort: number
  /** For each log: bytes that were written by then, and that were written and synced by then. */
  readonly written: ReadonlyMap<string, number>
  readonly synced: ReadonlyMap<string, number>
}

/** What to trace: all calls by which data reaches files and sockets. */
export const TRACED_CALLS = 'fdatasync,fsync,write,writev,pwrite64,pwritev,sendto,sendmsg'

const LINE = /^(\d+) +(?:(\w+)\(\d+<(.*?)>(?=[,) ])(.*)|<\.\.\. (\w+) resumed>(.*))$/
const CLIENT_PORT = /^TCP:\[.*->.*:(\d+)\]$/
const POSITION_AND_RESULT = /, (\d+)\) += (\d+)$/
const WRITES_AT: ReadonlySet<string> = new Set(['pwrite64', 'pwritev'])
const SYNCS: ReadonlySet<string> = new Set(['fdatasync', 'fsync'])

/** A call that a thread has begun. */
interface Call {
  readonly name: string
  readonly target: string
  readonly begun: string
  /** Bytes of the target that were written before the call began. */
  readonly written: number
}

/** The replies in their order. */
export function tracedReplies(trace: string): TracedReply[] {
  const replies: TracedReply[] = []
  const state = {
    written: new Map<string, number>(),
    synced: new Map<string, number>(),
    calls: new Map<string, Call>(),
  }
  for (const line of trace.split('\n')) {
    const match = LINE.exec(line)
    if (match === null) continue
    const [, thread = '', name, target = '', rest = '', , resumed = ''] = match
    if (name !== undefined) begin(state, thread, { name, target, begun: rest, replies })
    if (!line.endsWith('<unfinished ...>')) end(state, thread, resumed)
  }
  return replies
}

interface State {
  readonly written: Map<string, number>
  readonly synced: Map<string, number>
  readonly calls: Map<string, Call>
}

function begin(
  { written, synced, calls }: State,
  thread: string,
  call: { name: string; target: string; begun: string; replies: TracedReply[] },
): void {
  const { name, target, begun, replies } = call
  calls.set(thread, { name, target, begun, written: written.get(target) ?? 0 })
  const client = CLIENT_PORT.exec(target)
  if (client === null) return
  replies.push({ clientPort: Number(client[1]), written: new Map(written), synced: new Map(synced) })
}

function end({ written, synced, calls }: State, thread: string, resumed: string): void {
  const call = calls.get(thread)
  if (call === undefined) return
  calls.delete(thread)
  const whole = call.begun.replace(' <unfinished ...>', '') + resumed
  if (SYNCS.has(call.name)) {
    if (whole.endsWith('= 0')) synced.set(call.target, Math.max(call.written, synced.get(call.target) ?? 0))
  } else if (WRITES_AT.has(call.name)) {
    const match = POSITION_AND_RESULT.exec(whole)
    if (match === null) throw new Error(`Cannot understand the trace: ${call.name}(${whole}`)
    const endOfWrite = Number(match[1]) + Number(match[2])
    written.set(call.target, Math.max(endOfWrite, written.get(call.target) ?? 0))
  }
}
