import assert from 'node:assert/strict'
import { test } from 'node:test'
import { complaints } from './kafka-log.ts'
import { toolWords } from './kafka-tools.ts'

test('each tool is told its broker where it looks for it', () => {
  assert.deepEqual(toolWords('kafka-topics', ['--list'], 'h:1'), ['--bootstrap-server', 'h:1', '--list'])
  assert.deepEqual(toolWords('kafka-cluster', ['cluster-id'], 'h:1'), ['cluster-id', '--bootstrap-server', 'h:1'])
  assert.deepEqual(toolWords('kafka-dump-log', ['--files', 'x'], 'h:1'), ['--files', 'x'])
})

test("complaints are what Kafka's log says against a topic's files, and nothing else", () => {
  const log = [
    '[main] INFO kafka.log.LogManager - Loading shared-log-0',
    '[main] WARN kafka.server.KafkaConfig - something about the network',
    '[pool-1] WARN kafka.log.LogLoader - Found file shared-log-0/x, not matching',
    '[pool-1] ERROR org.apache.kafka.storage.internals.log.ProducerStateManager - Failed to load producer snapshot',
    '\tat WARN of a stack trace with shared-log-0',
  ]
  assert.deepEqual(complaints(log.join('\n'), 'shared-log'), log.slice(2, 4))
})
