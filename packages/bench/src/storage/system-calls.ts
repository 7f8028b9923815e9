/** Owns reading the summary that `strace -c` prints: how often each system call was made. */

/** % time, seconds, usecs/call, calls, errors (may be empty), syscall */
const LINE = /^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?([a-z_0-9]+)$/

export function parseSystemCalls(text: string): Record<string, number> {
  const calls: Record<string, number> = {}
  for (const line of text.split('\n')) {
    const match = LINE.exec(line)
    if (match !== null && match[2] !== 'total') calls[match[2]!] = Number(match[1])
  }
  return calls
}
