/**
 * Members of groups by kcat: a kcat for each, as it is one member for life. Argument: bootstrap. Commands and what is
 * printed: interop/groups/member-process.ts. To subscribe anew is to leave and to join. Values must be
 * such that they need no escape in JSON.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { commandsOfInput, type JoinCommand, tell } from './member-commands.ts'

const [bootstrap = ''] = process.argv.slice(2)
/**
 * Who kills this process kills its kcats too. They write to our output themselves, a line at a time, so that nothing that
 * they have printed and committed is lost on the way.
 */
const KCAT = ['--pdeathsig', 'KILL', 'stdbuf', '--output=L', 'kcat']

interface Member {
  readonly joined: JoinCommand
  readonly kcat: ChildProcess
}

const members = new Map<string, Member>()

for await (const command of commandsOfInput()) {
  if (command.do === 'join') join(command)
  else if (command.do === 'leave') void leave(command.member)
  else void subscribe(command)
}

function join(joined: JoinCommand): void {
  const { member } = joined
  const kcat = spawn('setpriv', [...KCAT, ...kcatArgs(joined)], { stdio: ['ignore', 'inherit', 'inherit'] })
  members.set(member, { joined, kcat })
}

function kcatArgs({ member, group, topics, assignor, ...times }: JoinCommand): string[] {
  const settings = {
    ...{ 'auto.offset.reset': 'earliest', 'auto.commit.interval.ms': 50, 'fetch.wait.max.ms': 100 },
    ...{ 'client.id': member, 'partition.assignment.strategy': assignor, 'reconnect.backoff.max.ms': 200 },
    'heartbeat.interval.ms': times.heartbeatMs,
    'session.timeout.ms': times.sessionTimeoutMs,
    'topic.metadata.refresh.interval.ms': times.metadataAgeMs,
  }
  const format = `{"member":"${member}","record":["%t",%p,%o,"%s"]}\n`
  const words = Object.entries(settings).flatMap(([name, value]) => ['-X', `${name}=${value}`])
  return ['-b', bootstrap, '-G', group, ...topics, '-q', '-f', format, ...words]
}

/** kcat leaves its group when it is asked to end. */
async function leave(member: string): Promise<void> {
  const { kcat } = members.get(member)!
  kcat.kill('SIGTERM')
  await once(kcat, 'exit')
  tell({ member, left: true })
}

async function subscribe({ member, topics }: { member: string; topics: readonly string[] }): Promise<void> {
  const { joined } = members.get(member)!
  await leave(member)
  join({ ...joined, topics })
}
