/** ElectLeaders (43), where a broker is alone: every leader is the preferred one. */
import { ElectLeaders } from '@ottla/protocol/apis/43-elect-leaders.ts'
import { look } from '../requests-of-admins.ts'
import { type AskStep, ask, type Scenario, scenario } from '../scenario.ts'

const PREFERRED = 0
const UNCLEAN = 1

type Wanted = readonly (readonly [topic: string, ...partitions: number[]])[]

/** Version 0 knows preferred elections only. */
const elect = (topics: Wanted, electionType = PREFERRED): AskStep =>
  ask(ElectLeaders, ({ version }) => ({
    ...(version === 0 ? {} : { electionType }),
    topicPartitions: topics.map(([topic, ...partitions]) => ({ topic, partitions })),
    timeoutMs: 5000,
  }))

export const ELECT_LEADERS: readonly Scenario[] = [
  scenario(ElectLeaders, 'who leads already', {
    covers: ['13.22'],
    topics: { a: { partitions: 2 }, b: {} },
    steps: [
      elect([
        ['@a', 0, 1],
        ['@b', 0],
      ]),
      elect([['@a', 1]], UNCLEAN),
      look(['@a', '@b']),
    ],
  }),
  scenario(ElectLeaders, 'what is not there', {
    covers: ['13.22'],
    topics: { a: {} },
    steps: [
      elect([['@a', 1]]),
      elect([['@a', -1]]),
      elect([
        ['@missing', 0],
        ['@a', 0, 7],
      ]),
      elect([['', 0]]),
      elect([['@missing', 0]], UNCLEAN),
    ],
  }),
  scenario(ElectLeaders, 'nothing', {
    covers: ['13.22'],
    topics: { a: {} },
    steps: [elect([]), elect([['@a']]), elect([['@missing']])],
  }),
  scenario(ElectLeaders, 'types of elections', {
    covers: ['13.22'],
    versions: [1, 2],
    topics: { a: {} },
    steps: [2, 3, -1, 127].flatMap((type) => [elect([['@a', 0]], type), elect([], type)]),
  }),
]
