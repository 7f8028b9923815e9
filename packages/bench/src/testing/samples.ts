/** Rows and samples as tests of reports need them. */
import type { ContestantName } from '../contestants/contestant.ts'
import type { Report } from '../report.ts'
import type { Row, Sample } from '../row.ts'

export function rowOf(name: string, figures: Row['figures'], durability: Row['durability'] = null): Row {
  const outcome = { figures: {}, messages: 0, bytes: 0, loadCpuPerMillion: null }
  return { name, figures, durability, quick: true, run: async () => outcome }
}

export function sampleOf(
  contestant: ContestantName,
  figures: Sample['figures'],
  measured: Partial<Sample> = {},
): Sample {
  const nothing = { brokerCpuPerMillion: null, brokerCpuPerGigabyte: null, loadCpuPerMillion: null }
  return {
    ...{ contestant, repetition: 1, figures, latencies: null, residentBytes: null, loopDelay: null },
    ...nothing,
    ...measured,
  }
}

const MACHINE: Report['machine'] = {
  cpu: 'Some CPU',
  cores: 2,
  memoryBytes: 24e9,
  system: 'Linux 6 x64',
  node: 'v26.0.0',
  fileSystem: 'ext4 on /dev/vda',
  load: [0.1, 0.2, 0.3],
}

export function reportOf(names: readonly ContestantName[], results: Report['results']): Report {
  const contestants = names.map((name) => ({
    ...{ name, description: `${name} 1.0`, settings: ['its defaults'] },
    topicConfigs: { synced: { 'flush.messages': '1' }, cached: {} },
  }))
  return { machine: MACHINE, contestants, quick: false, repeat: 3, results }
}
