/** Owns the words by which Kafka's tools are told which group they join, and how. */

export const GROUP_PROTOCOLS = ['classic', 'consumer'] as const

export type GroupProtocol = (typeof GROUP_PROTOCOLS)[number]

/** A consumer ends when nothing came for so long: where a broker hides records, it must not wait for ever. */
export const SILENCE_MS_MAX = 20_000

export interface Joining {
  readonly group: string
  readonly protocol: GroupProtocol
}

export function joining({ group, protocol }: Joining): string[] {
  return ['--group', group, '--command-property', `group.protocol=${protocol}`]
}
