/**
 * Owns the tree of commands: names, arguments, options and help, from which completion is made too. What a command does
 * is loaded when it is called, so that help and completion cost nothing more.
 */
import { Argument, Command, Option } from 'commander'
import { parseRate, parseWhole } from './arguments.ts'
import type { CommandContext } from './context.ts'
import { EXIT_CODES_HELP } from './exit-codes.ts'
import { FORMAT_HELP } from './format.ts'

const PARTITIONS_MAX = 1_000_000
const REPLICAS_MAX = 32_767
const BROKER_ID_MAX = 0x7fff_ffff
const COMMIT_INTERVAL_MS_MAX = 86_400_000

/** Runs what a command line asks for, with the context of the process or of a test. */
export type Runner = (act: (context: CommandContext) => Promise<void>) => Promise<void>

export function buildProgram(run: Runner): Command {
  const program = new Command('ottla')
    .description('A durable, partitioned log that every Kafka client can talk to.')
    .version('0.1.0')
    .exitOverride()
    // Here and at each command that has both options and commands below: theirs come behind their names.
    .enablePositionalOptions()
    .showHelpAfterError('(see ottla --help)')
    .addHelpText('after', `\n${EXIT_CODES_HELP}`)
  program
    .command('start')
    .description('run a broker (see ottla start --help)')
    .allowUnknownOption()
    .action(startElsewhere)
  addTopic(program, run)
  addProduce(program, run)
  addConsume(program, run)
  addGroup(program, run)
  addCluster(program, run)
  addLog(program, run)
  addCompletion(program, run)
  return program
}

/** The launcher hands `start` to the broker; whoever runs this file directly has gone past it. */
function startElsewhere(): never {
  throw new Error('The broker is started by the launcher: run bin/ottla start')
}

function addTopic(program: Command, run: Runner): void {
  const topic = program.command('topic').description('create, list, describe, alter and delete topics')
  const load = () => import('./commands/topic.ts')
  brokerCommand(topic, 'create <name...>', 'create topics')
    .option(
      '-p, --partitions <count>',
      "partitions of each; the broker's num.partitions when left out",
      wholeUpTo(PARTITIONS_MAX, 1),
    )
    .option(
      '-r, --replication-factor <count>',
      "copies of each partition; the broker's default when left out",
      wholeUpTo(REPLICAS_MAX, 1),
    )
    .option('-c, --config <name=value>', 'configuration; may be repeated', collect)
    .option('--if-not-exists', 'a topic that exists already is no error')
    .option('--json', 'print JSON')
    .action((names, options) => run(async (context) => (await load()).create(context, names, options)))
  brokerCommand(topic, 'list', 'list topics')
    .option('--internal', 'internal topics too')
    .option('--json', 'print JSON')
    .action((options) => run(async (context) => (await load()).list(context, options)))
  brokerCommand(topic, 'describe <name...>', 'show partitions, leaders, offsets and configuration')
    .option('--json', 'print JSON')
    .action((names, options) => run(async (context) => (await load()).describe(context, names, options)))
  brokerCommand(topic, 'alter <name>', 'change configuration')
    .option('-s, --set <name=value>', 'set an entry; may be repeated', collect)
    .option('-u, --unset <name>', 'back to the default; may be repeated', collect)
    .action((name, options) => run(async (context) => (await load()).alter(context, name, options)))
  brokerCommand(topic, 'delete <name...>', 'delete topics and all their records')
    .option('--if-exists', 'a topic that does not exist is no error')
    .action((names, options) => run(async (context) => (await load()).remove(context, names, options)))
  brokerCommand(
    topic,
    'add-partitions <name>',
    'raise the number of partitions; records with a key will go elsewhere than before',
  )
    .requiredOption('-t, --total <count>', 'partitions afterwards', wholeUpTo(PARTITIONS_MAX, 1))
    .action((name, options) => run(async (context) => (await load()).addPartitions(context, name, options)))
}

function addProduce(program: Command, run: Runner): void {
  brokerCommand(program, 'produce <topic>', 'store each line of standard input, or of a file, as a record')
    .option('-f, --file <path>', 'read a file instead of standard input')
    .option('-k, --key-separator <text>', 'what stands before it in a line is the key; lines without it have none')
    .option('--null-marker <text>', 'a key or value of exactly this text is null')
    .option('-H, --header <name=value>', 'a header for every record; may be repeated', collect)
    .option('-p, --partition <number>', 'store all in this partition', wholeUpTo(PARTITIONS_MAX, 0))
    .addOption(
      new Option('-z, --compression <codec>', 'of batches')
        .choices(['none', 'gzip', 'snappy', 'lz4', 'zstd'])
        .default('none'),
    )
    .addOption(
      new Option('-a, --acks <acks>', 'who must have stored a record').choices(['all', '1', '0']).default('all'),
    )
    .option('--json', 'each line is {"key", "value", "headers", "partition", "timestamp"}, as consume --json writes it')
    .option('-q, --quiet', 'no summary')
    .addHelpText(
      'after',
      '\nA line may hold any bytes but a newline, and is stored as it is. \\t and \\xHH stand for bytes in separators.',
    )
    .action((topic, options) =>
      run(async (context) => (await import('./commands/produce.ts')).produce(context, topic, options)),
    )
}

function addConsume(program: Command, run: Runner): void {
  brokerCommand(program, 'consume <topic...>', 'write the records of topics to standard output')
    .option(
      '-o, --from <position>',
      'beginning, end, an offset, -N (N before the end), an ISO time or @milliseconds',
      'beginning',
    )
    .option('-u, --until <position>', 'where to stop, as --from; the end as it is now when left out')
    .option('-p, --partitions <list>', 'for example 0,2-4; all when left out')
    .option('-n, --count <count>', 'stop after so many records', wholeUpTo(Number.MAX_SAFE_INTEGER, 0))
    .option('-f, --follow', 'go on with records that are stored later, until interrupted')
    .option(
      '-g, --group <id>',
      'read as a member of this group, until interrupted: partitions are shared, offsets committed',
    )
    .addOption(
      new Option('--protocol <protocol>', 'of the group; what the broker serves when left out').choices([
        'classic',
        'consumer',
      ]),
    )
    .option('--commit-every <ms>', 'how often to commit; 5000 when left out', wholeUpTo(COMMIT_INTERVAL_MS_MAX, 1))
    .option('-F, --format <format>', 'how to write a record; %v\\n when left out')
    .option('--json', 'one JSON object a line; what is no UTF-8 is {"base64": "…"}')
    .addOption(
      new Option('--isolation <level>', 'what of transactions to show')
        .choices(['read_uncommitted', 'read_committed'])
        .default('read_uncommitted'),
    )
    .option('--rack <rack>', 'read from replicas of this rack, where the brokers have replica.selector.class')
    .addHelpText('after', `\nFormat:\n${FORMAT_HELP}`)
    .action((topics, options) =>
      run(async (context) => (await import('./commands/consume.ts')).consume(context, topics, options)),
    )
}

function addGroup(program: Command, run: Runner): void {
  const group = program.command('group').description('list, describe and delete groups, reset their offsets')
  const load = () => import('./commands/group.ts')
  brokerCommand(group, 'list', 'list groups')
    .option('-s, --state <state>', 'those in this state only; may be repeated', collect)
    .option('-t, --type <type>', 'classic, consumer, …; may be repeated', collect)
    .option('--json', 'print JSON')
    .action((options) => run(async (context) => (await load()).list(context, options)))
  brokerCommand(group, 'describe <group...>', 'show state, committed offsets, lag, and who reads what')
    .option('--json', 'print JSON')
    .action((groups, options) => run(async (context) => (await load()).describe(context, groups, options)))
  brokerCommand(group, 'members <group>', 'show the members and what they read')
    .option('--json', 'print JSON')
    .action((name, options) => run(async (context) => (await load()).members(context, name, options)))
  brokerCommand(
    group,
    'reset-offsets <group>',
    'show where a group without members would go on, and with --execute set it',
  )
    .option('-t, --topic <topic[:partitions]>', 'for example orders or orders:0,2-4; may be repeated', collect)
    .option('--all-topics', 'all that the group has offsets of')
    .option('--to <position>', 'earliest, latest, an offset, -N (N before the end), an ISO time or @milliseconds')
    .option(
      '--shift-by <count>',
      'forth, or back with a minus',
      wholeUpTo(Number.MAX_SAFE_INTEGER, -Number.MAX_SAFE_INTEGER),
    )
    .option('--by-duration <duration>', 'back to what is as old as this, for example PT1H')
    .option('--from-file <path>', 'lines of topic,partition,offset')
    .option('--execute', 'do it')
    .option('--json', 'print JSON')
    .action((name, options) =>
      run(async (context) => (await import('./commands/reset-offsets.ts')).resetOffsets(context, name, options)),
    )
  brokerCommand(group, 'delete <group...>', 'delete groups without members, with their offsets').action(
    (groups, options) => run(async (context) => (await load()).remove(context, groups, options)),
  )
}

function addCluster(program: Command, run: Runner): void {
  const cluster = brokerCommand(
    program,
    'cluster',
    'show the cluster, and spread what it holds evenly over its brokers',
  )
    .enablePositionalOptions()
    .option('--json', 'print JSON')
    .action((options) => run(async (context) => (await import('./commands/cluster.ts')).describe(context, options)))
  const load = () => import('./commands/cluster-balance.ts')
  brokerCommand(cluster, 'plan', 'show which replicas should move so that bytes, leaders and racks are even')
    .option('--json', 'print JSON')
    .action((options) => run(async (context) => (await load()).plan(context, options)))
  moving(brokerCommand(cluster, 'balance', 'show what plan shows, and with --execute move it')).action((options) =>
    run(async (context) => (await load()).balance(context, options)),
  )
  moving(brokerCommand(cluster, 'drain', 'show how a broker would be emptied, and with --execute empty it'))
    .argument('<broker>', 'its id', wholeUpTo(BROKER_ID_MAX, 0))
    .action((broker, options) => run(async (context) => (await load()).drain(context, broker, options)))
}

function moving(command: Command): Command {
  return command
    .option('--execute', 'do it; interrupted, what is under way goes on, and the same command goes on from there')
    .option(
      '--throttle <rate>',
      'of each broker, for what is copied: bytes a second, or for example 50MB or 20MiB',
      parseRate,
    )
    .option('--json', 'print the plan as JSON')
    .addHelpText(
      'after',
      '\nThe throttle is taken away at the end, also of a run that was interrupted; what a run that was killed has left of its\nown, the next one takes away. Replicas that are throttled by * stay so.',
    )
}

function addLog(program: Command, run: Runner): void {
  const offset = wholeUpTo(Number.MAX_SAFE_INTEGER, 0)
  const positive = wholeUpTo(Number.MAX_SAFE_INTEGER, 1)
  const log = program.command('log').description('look into files of a data directory; needs no broker')
  log
    .command('verify <path...>')
    .description('check a data directory, a partition’s directory or a .log file; fails where something is damaged')
    .option('--deep', 'decompress and read every record too')
    .option('--json', 'one JSON object a line')
    .action((paths, options) =>
      run(async (context) => (await import('./commands/log-verify.ts')).verify(context, paths, options)),
    )
  log
    .command('dump <path...>')
    .description('show what lies in files of a log, or in those of a directory; fails where something is damaged')
    .option('--records', 'the records of each batch too')
    .option('-o, --offset <offset>', 'of segments and indexes, what lies at or behind it', offset)
    .option('-n, --limit <count>', 'of each file, so many records with --records, else batches or entries', positive)
    .option('--json', 'one JSON object a line')
    .addHelpText(
      'after',
      '\nKnown are .log, .index, .timeindex, .txnindex, .snapshot, .damaged and checkpoint files, in the names of Kafka’s DumpLogSegments.',
    )
    .action((paths, options) =>
      run(async (context) => (await import('./commands/log-dump.ts')).dump(context, paths, options)),
    )
}

function addCompletion(program: Command, run: Runner): void {
  program
    .command('completion')
    .description('print a completion script, for example: source <(ottla completion bash)')
    .addArgument(new Argument('<shell>').choices(['bash', 'zsh', 'fish']))
    .action((shell) =>
      run(async (context) => {
        const { completionScript } = await import('./completion.ts')
        await context.streams.write(completionScript(program, shell))
      }),
    )
}

function brokerCommand(parent: Command, nameAndArguments: string, description: string): Command {
  const bootstrap = new Option('-b, --bootstrap <host:port,...>', 'brokers to ask first')
    .env('OTTLA_BOOTSTRAP')
    .default('127.0.0.1:9092')
  return parent.command(nameAndArguments).description(description).addOption(bootstrap)
}

function collect(value: string, previous: readonly string[] | undefined): string[] {
  return [...(previous ?? []), value]
}

function wholeUpTo(max: number, min: number): (text: string) => number {
  return (text) => parseWhole(text, { min, max })
}
