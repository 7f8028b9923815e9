/**
 * Members of groups by kcat: a kcat for each, as it is one member for life. Argument: bootstrap. Commands and what is
 * printed: interop/groups/member-process.ts. To subscribe anew is to leave and to join. Topics must hold no space.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { commandsOfInput, type JoinCommand, tell } from './member-commands.ts'

const [bootstrap = ''] = process.argv.slice(2)
/** Who kills this process kills its kcats too, and leaves none behind. */
const DIE_WITH_US = ['--pdeathsig', 'KILL', 'kcat']

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
  const kcat = spawn('setpriv', [...DIE_WITH_US, ...kcatArgs(joined)], { stdio: ['ignore', 'pipe', 'inherit'] })
  members.set(member, { joined, kcat })
  createInterface({ input: kcat.stdout }).on('line', (line) => {
    const [topic = '', partition, offset, value = ''] = line.split(' ')
    tell({ member, record: [topic, Number(partition), Number(offset), value] })
  })
}

function kcatArgs({ member, group, topics, assignor, ...times }: JoinCommand): string[] {
  const settings = {
    ...{ 'auto.offset.reset': 'earliest', 'auto.commit.interval.ms': 50, 'fetch.wait.max.ms': 100 },
    ...{ 'client.id': member, 'partition.assignment.strategy': assignor, 'reconnect.backoff.max.ms': 200 },
    'heartbeat.interval.ms': times.heartbeatMs,
    'session.timeout.ms': times.sessionTimeoutMs,
    'topic.metadata.refresh.interval.ms': times.metadataAgeMs,
  }
  const words = Object.entries(settings).flatMap(([name, value]) => ['-X', `${name}=${value}`])
  return ['-b', bootstrap, '-G', group, ...topics, '-u', '-q', '-f', '%t %p %o %s\n', ...words]
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
