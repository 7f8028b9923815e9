/** Owns the list of clients that write and read a whole file, each in a process of its own. */
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { NODE26, OTTLA, PYTHON, REPOSITORY, succeed } from './processes.ts'

export const CODECS = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const
export type CodecName = (typeof CODECS)[number]

export interface Journey {
  readonly bootstrap: string
  readonly topic: string
  readonly partitions: number
}

export interface Writer {
  readonly name: string
  readonly write: (journey: Journey, codec: CodecName, path: string) => Promise<unknown>
}

export interface Reader {
  readonly name: string
  /** What each partition holds, a line for each record. `directory` is this reader's alone. */
  readonly read: (journey: Journey, directory: string) => Promise<Buffer[]>
}

const CLIENTS = `${REPOSITORY}interop/clients`
/** librdkafka answers a batch that compression would not shrink by sending it plain: so batches have to be large. */
const LINGER = 'linger.ms=20'
/** librdkafka knows that it is at the end once a fetch comes back empty, which takes this long at the broker. */
const FETCH_WAIT = 'fetch.wait.max.ms=10'

export const WRITERS: readonly Writer[] = [
  {
    name: 'kcat',
    write: ({ bootstrap, topic }, codec, path) =>
      succeed('kcat', [
        '-P',
        '-q',
        '-b',
        bootstrap,
        '-t',
        topic,
        '-z',
        codec,
        '-X',
        LINGER,
        '-X',
        'acks=all',
        '-l',
        path,
      ]),
  },
  {
    name: 'ottla produce',
    write: ({ bootstrap, topic }, codec, path) =>
      succeed(OTTLA, ['produce', topic, '--bootstrap', bootstrap, '--compression', codec, '--file', path]),
  },
  { name: 'kafkajs', write: program(NODE26, 'kafkajs-produce.ts') },
  { name: '@platformatic/kafka', write: program(NODE26, 'platformatic-produce.ts') },
  { name: 'python confluent-kafka', write: program(PYTHON, 'confluent_produce.py') },
]

export const READERS: readonly Reader[] = [
  {
    name: 'kcat',
    read: (journey) =>
      eachPartition(journey, ({ bootstrap, topic }, partition) => [
        'kcat',
        '-C',
        '-q',
        '-b',
        bootstrap,
        '-t',
        topic,
        '-p',
        partition,
        '-o',
        'beginning',
        '-e',
        '-f',
        '%s\\n',
        '-X',
        FETCH_WAIT,
      ]),
  },
  {
    name: 'ottla consume',
    read: (journey) =>
      eachPartition(journey, ({ bootstrap, topic }, partition) => [
        OTTLA,
        'consume',
        topic,
        '--bootstrap',
        bootstrap,
        '--partitions',
        partition,
        '--format',
        '%v\\n',
      ]),
  },
  {
    name: 'python confluent-kafka',
    read: async ({ bootstrap, topic, partitions }, directory) => {
      mkdirSync(directory)
      await succeed(PYTHON, [`${CLIENTS}/confluent_consume.py`, bootstrap, topic, String(partitions), directory])
      return Array.from({ length: partitions }, (_, partition) => readFileSync(join(directory, String(partition))))
    },
  },
]

function program(interpreter: string, file: string): Writer['write'] {
  return ({ bootstrap, topic }, codec, path) =>
    succeed(interpreter, [`${CLIENTS}/${file}`, bootstrap, topic, codec, path])
}

async function eachPartition(
  journey: Journey,
  command: (journey: Journey, partition: string) => readonly string[],
): Promise<Buffer[]> {
  const contents: Buffer[] = []
  for (let partition = 0; partition < journey.partitions; partition++) {
    const [program, ...args] = command(journey, String(partition))
    contents.push((await succeed(program!, args)).output)
  }
  return contents
}
