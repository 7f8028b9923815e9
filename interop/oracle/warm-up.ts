/** What every broker is given before the first scenario: an internal topic, and time to be ready for all requests. */
import { DescribeGroups } from '@ottla/protocol/apis/15-describe-groups.ts'
import { ListGroups } from '@ottla/protocol/apis/16-list-groups.ts'
import { CreateTopics } from '@ottla/protocol/apis/19-create-topics.ts'
import { InitProducerId } from '@ottla/protocol/apis/22-init-producer-id.ts'
import { errorCode } from '@ottla/protocol/errors.ts'
import { runScenario, type Target } from './run.ts'
import { ask, scenario } from './scenario.ts'

const GROUP_ID_NOT_FOUND = errorCode('GROUP_ID_NOT_FOUND')

const INTERNAL = {
  ...{ name: '__consumer_offsets', numPartitions: 1, replicationFactor: 1, assignments: [] },
  configs: [{ name: 'cleanup.policy', value: 'compact' }],
}

const isLoaded = ({ groups }: { groups: { errorCode: number }[] }): boolean =>
  groups[0]!.errorCode === GROUP_ID_NOT_FOUND
const isReady = (reply: { errorCode: number }) => reply.errorCode === 0

const WARM_UP = scenario(CreateTopics, 'warm up', {
  covers: [],
  steps: [
    ask(InitProducerId, { transactionalId: null, transactionTimeoutMs: 1000 }, { until: isReady }),
    ask(CreateTopics, { topics: [INTERNAL], timeoutMs: 5000 }),
    ask(ListGroups, {}, { until: isReady }),
    ask(DescribeGroups, { groups: ['nobody'] }, { until: isLoaded as never }),
  ],
})

export async function warmUp(target: Target): Promise<void> {
  await runScenario(WARM_UP, CreateTopics.versions[1], target)
}
