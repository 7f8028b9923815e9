/** Owns what "cut off" means: which packets a host drops, by whom they are exchanged with and in which direction. */
import type { DropRule, Host } from './hosts.ts'

export const BROKER_PORT = 9092
const ETCD_PORT = 2379

/** Everything: the other hosts and the clients, its etcd's peers with them. */
export type CutFrom = 'peers' | 'etcd' | 'clients' | 'everything'
export type CutDirection = 'both' | 'in' | 'out'

export interface Cut {
  readonly from: CutFrom
  /** As the host that is cut off sees it; both when left out. */
  readonly direction?: CutDirection
}

export interface CutPlaces {
  readonly others: readonly Host[]
  readonly clientAddress: string
}

export function rulesOf({ from, direction = 'both' }: Cut, places: CutPlaces): DropRule[] {
  const [incoming, outgoing] = matchesOf(from, places)
  return [
    ...(direction === 'out' ? [] : incoming.map((match) => `-A INPUT ${match} -j DROP`)),
    ...(direction === 'in' ? [] : outgoing.map((match) => `-A OUTPUT ${match} -j DROP`)),
  ]
}

type Matches = readonly [incoming: readonly string[], outgoing: readonly string[]]

function matchesOf(from: CutFrom, { others, clientAddress }: CutPlaces): Matches {
  switch (from) {
    case 'everything':
      return [['! -i lo'], ['! -o lo']]
    case 'clients':
      return [[`-s ${clientAddress}`], [`-d ${clientAddress}`]]
    case 'etcd':
      // Only what this host's broker asks; its member serves the others as before.
      return [[`-p tcp --sport ${ETCD_PORT}`], [`-p tcp --dport ${ETCD_PORT}`]]
    case 'peers': {
      const ports = ['--sport', '--dport'].map((side) => `-p tcp ${side} ${BROKER_PORT}`)
      const all = (side: string) => others.flatMap(({ address }) => ports.map((port) => `${side} ${address} ${port}`))
      return [all('-s'), all('-d')]
    }
  }
}
