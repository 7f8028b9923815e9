/**
 * Owns the life of one group whose members subscribe to a pattern, under continuous load: a topic that matches is
 * created, another is deleted. Each must reach the group in the fewest rounds, and no record may be missed.
 */
import { systemClock } from '@ottla/base/clock.ts'
import { createTopic } from '../cluster.ts'
import type { Rebalance } from './clients.ts'
import type { LifeOptions, LivedChange } from './life.ts'
import { Load } from './load.ts'
import { Party } from './party.ts'
import { deleteTopic } from './topic-changes.ts'
import { TopicFeed } from './topic-feed.ts'

const PARTITIONS = 2
/**
 * Members of classic groups look for topics by themselves: at worst the group rebalances once for each of the two, and
 * once more where cooperative members hand over. Of KIP-848 the broker sees it.
 */
const ROUNDS_MAX: Readonly<Record<Rebalance, number>> = { eager: 2, cooperative: 3, consumer: 1 }

export async function livePattern(options: LifeOptions): Promise<LivedChange[]> {
  const { observer, group, client, assignor, bootstrap } = options
  const roundsMax = ROUNDS_MAX[client.assignors[assignor]!]
  const [first, second] = [new TopicFeed(`${group}.1`), new TopicFeed(`${group}.2`)]
  await using party = Party.of(client, options)
  const settled = async (feeds: readonly TopicFeed[], rounds?: number) =>
    await party.settled({
      partitions: feeds.flatMap((feed) => feed.partitions(PARTITIONS)),
      ...(rounds === undefined ? {} : { rounds, roundsMax }),
    })
  await createTopic(observer.connection, { name: `${group}.1`, partitions: PARTITIONS })
  const pattern = `^${group.replaceAll('.', '[.]')}[.].*`
  for (const member of ['a', 'b']) party.join(party.start(client.program(bootstrap)), [member], [pattern])
  await settled([first])
  const changes: LivedChange[] = []
  const change = async (what: LivedChange['what'], feeds: readonly TopicFeed[], make: () => Promise<void>) => {
    const { round } = await party.rests()
    const startMs = systemClock.monotonicMs()
    await make()
    const view = await settled(feeds, 1)
    changes.push({ what, rounds: view.round - round, tookMs: Math.round(systemClock.monotonicMs() - startMs) })
  }
  {
    await using _load = new Load(observer, [{ feed: first, partitions: () => PARTITIONS }])
    await change('create', [first, second], async () => {
      await createTopic(observer.connection, { name: `${group}.2`, partitions: PARTITIONS })
    })
  }
  await using _load = new Load(observer, [{ feed: second, partitions: () => PARTITIONS }])
  await party.hasAll([first, second])
  if (!client.seesDeletions) return changes
  await change('delete', [second], async () => await deleteTopic(observer.connection, `${group}.1`))
  await party.hasAll([second])
  return changes
}
