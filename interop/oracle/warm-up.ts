/** What every broker is given before the first scenario: an internal topic, and time to be ready for all requests. */
import { CreateTopics } from '@ottla/protocol/apis/19-create-topics.ts'
import { InitProducerId } from '@ottla/protocol/apis/22-init-producer-id.ts'
import { runScenario, type Target } from './run.ts'
import { ask, scenario } from './scenario.ts'

const INTERNAL = {
  ...{ name: '__consumer_offsets', numPartitions: 1, replicationFactor: 1, assignments: [] },
  configs: [{ name: 'cleanup.policy', value: 'compact' }],
}

const isReady = (reply: { errorCode: number }) => reply.errorCode === 0

const WARM_UP = scenario(CreateTopics, 'warm up', {
  covers: [],
  steps: [
    ask(InitProducerId, { transactionalId: null, transactionTimeoutMs: 1000 }, { until: isReady }),
    ask(CreateTopics, { topics: [INTERNAL], timeoutMs: 5000 }),
  ],
})

export async function warmUp(target: Target): Promise<void> {
  await runScenario(WARM_UP, CreateTopics.versions[1], target)
}
