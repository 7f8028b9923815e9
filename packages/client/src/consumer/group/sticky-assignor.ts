/**
 * Owns the assignors that leave partitions where they are: `sticky`, and `cooperative-sticky` (KIP-429), which gives a
 * partition to nobody in the round in which another member still owns it. Pure.
 *
 * 1. What members own they keep, as far as they still want it; of two who claim the same the newer generation wins.
 * 2. Free partitions go to whoever has least, those with the fewest takers first.
 * 3. While somebody has two more than another who wants one of them, one moves: that ends, for the sum of the squares
 *    of all shares falls with each move.
 */
import { type Assignment, type AssignorMember, allPartitions, type PartitionCounts } from './assignor.ts'
import { type GroupPartition, partitionKey } from './membership.ts'

/** One member while shares are made. */
interface Share {
  readonly memberId: string
  readonly topics: ReadonlySet<string>
  readonly partitions: GroupPartition[]
}

export function stickyAssignor(members: readonly AssignorMember[], counts: PartitionCounts): Assignment {
  return assign(members, claims(members, counts), counts)
}

/** As sticky, without what another member has to give up first; the next round gives it. */
export function cooperativeStickyAssignor(members: readonly AssignorMember[], counts: PartitionCounts): Assignment {
  const owners = claims(members, counts)
  const shares = assign(members, owners, counts)
  const holders = new Map<string, string[]>()
  for (const { memberId, owned } of members)
    for (const key of owned.map(partitionKey)) holders.set(key, [...(holders.get(key) ?? []), memberId])
  // A holder may have no claim, because it does not want the topic any more: it still reads until it is told.
  const isFree = (key: string, memberId: string): boolean =>
    owners.get(key) === memberId || (holders.get(key) ?? []).every((holder) => holder === memberId)
  return new Map(
    [...shares].map(([memberId, places]) => [memberId, places.filter((one) => isFree(partitionKey(one), memberId))]),
  )
}

/** Who owns what; two members of the same generation with the same claim are both not believed. */
function claims(members: readonly AssignorMember[], counts: PartitionCounts): Map<string, string> {
  const best = new Map<string, { memberId: string | null; generation: number }>()
  for (const { memberId, owned, generation, topics } of members) {
    const wanted = new Set(topics)
    for (const place of owned) {
      if (!wanted.has(place.topic) || place.partition >= (counts.get(place.topic) ?? 0)) continue
      const known = best.get(partitionKey(place))
      if (known === undefined || generation > known.generation) best.set(partitionKey(place), { memberId, generation })
      else if (generation === known.generation) known.memberId = null
    }
  }
  return new Map([...best].flatMap(([key, { memberId }]) => (memberId === null ? [] : [[key, memberId] as const])))
}

function assign(
  members: readonly AssignorMember[],
  owners: ReadonlyMap<string, string>,
  counts: PartitionCounts,
): Map<string, GroupPartition[]> {
  const shares = [...members]
    .sort((a, b) => (a.memberId < b.memberId ? -1 : 1))
    .map(({ memberId, topics }): Share => ({ memberId, topics: new Set(topics), partitions: [] }))
  const byId = new Map(shares.map((share) => [share.memberId, share]))
  const takers = new Map([...counts.keys()].map((topic) => [topic, shares.filter(({ topics }) => topics.has(topic))]))
  const free: GroupPartition[] = []
  for (const place of allPartitions(counts)) {
    const owner = byId.get(owners.get(partitionKey(place)) ?? '')
    if (owner !== undefined) owner.partitions.push(place)
    else if (takers.get(place.topic)!.length > 0) free.push(place)
  }
  free.sort((a, b) => takers.get(a.topic)!.length - takers.get(b.topic)!.length)
  for (const place of free) smallest(takers.get(place.topic)!).partitions.push(place)
  while (balanceOnce(shares)) {}
  return new Map(shares.map(({ memberId, partitions }) => [memberId, partitions]))
}

function smallest(shares: readonly Share[]): Share {
  return shares.reduce((least, share) => (share.partitions.length < least.partitions.length ? share : least))
}

/** One pass: the poorest first, each takes from whoever is the richest at the moment. False when nothing moved. */
function balanceOnce(shares: readonly Share[]): boolean {
  let moved = false
  for (const poor of [...shares].sort((a, b) => a.partitions.length - b.partitions.length)) {
    for (let rich = richestFor(poor, shares); rich !== null; rich = richestFor(poor, shares)) {
      // What came last goes first: it is the least likely to have been owned before.
      const at = rich.partitions.findLastIndex(({ topic }) => poor.topics.has(topic))
      poor.partitions.push(...rich.partitions.splice(at, 1))
      moved = true
    }
  }
  return moved
}

function richestFor(poor: Share, shares: readonly Share[]): Share | null {
  let richest: Share | null = null
  for (const share of shares) {
    const least = Math.max(poor.partitions.length + 1, richest?.partitions.length ?? 0)
    if (share.partitions.length > least && share.partitions.some(({ topic }) => poor.topics.has(topic))) richest = share
  }
  return richest
}
