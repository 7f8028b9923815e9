import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BROKER_KEYS, CLIENT_METRICS_RESOURCE_KEYS, GROUP_RESOURCE_KEYS, type KeyTable, TOPIC_KEYS } from './tables.ts'
import { canonical, violation } from './values.ts'

const CASES: readonly (readonly [
  table: KeyTable,
  key: string,
  legal: readonly string[],
  illegal: readonly string[],
])[] = [
  [
    TOPIC_KEYS,
    'retention.ms',
    ['-1', '0', ' 5 ', '+7', '9223372036854775807'],
    ['-2', '9223372036854775808', '1.5', '', 'x'],
  ],
  [TOPIC_KEYS, 'segment.bytes', ['1048576', '2147483647'], ['1048575', '2147483648']],
  [TOPIC_KEYS, 'compression.gzip.level', ['-1', '1', '9'], ['0', '10', '-2']],
  [TOPIC_KEYS, 'cleanup.policy', ['delete', 'compact', 'compact, delete', ''], ['compact,compact', 'delete,', 'drop']],
  [TOPIC_KEYS, 'min.cleanable.dirty.ratio', ['0', '0.5', '1', '1e-3'], ['1.01', '-0.1', 'half']],
  [TOPIC_KEYS, 'preallocate', ['true', 'FALSE', ' true '], ['yes', '']],
  [TOPIC_KEYS, 'message.timestamp.type', ['CreateTime', 'LogAppendTime'], ['createtime', '']],
  [TOPIC_KEYS, 'leader.replication.throttled.replicas', ['', '*', '0:1,12:3'], ['*,0:1', '0', '0:1,', 'a:b']],
  [BROKER_KEYS, 'group.consumer.migration.policy', ['bidirectional', 'DISABLED'], ['sideways']],
  [BROKER_KEYS, 'offsets.topic.replication.factor', ['1', '32767'], ['0', '32768']],
  [BROKER_KEYS, 'log.cleaner.io.max.bytes.per.second', ['1.7976931348623157E308', '10'], ['fast']],
  [BROKER_KEYS, 'controller.quorum.voters', ['', '1@a:9093,2@b:9093'], ['a:9093']],
  [BROKER_KEYS, 'controller.quorum.bootstrap.servers', ['', 'a:9093'], ['a']],
  [
    GROUP_RESOURCE_KEYS,
    'share.auto.offset.reset',
    ['latest', 'by_duration:PT1H', 'by_duration:P1DT2.5S'],
    ['by_duration:-PT1H', 'by_duration:P', 'by_duration:PT', 'first'],
  ],
  [
    CLIENT_METRICS_RESOURCE_KEYS,
    'match',
    ['', 'client_id=orders.*,client_source_port=90'],
    ['client_id', 'who=me', 'client_id=a,client_id=a'],
  ],
]

for (const [table, name, legal, illegal] of CASES) {
  test(`${name} takes ${JSON.stringify(legal)} and refuses ${JSON.stringify(illegal)}`, () => {
    const key = table.get(name)!
    for (const text of legal) assert.equal(violation(key, text), null, text)
    for (const text of illegal) assert.match(violation(key, text) ?? '', /^expected /, text)
  })
}

test('a list and a number are kept without blanks', () => {
  assert.equal(canonical(TOPIC_KEYS.get('cleanup.policy')!, ' compact , delete '), 'compact,delete')
  assert.equal(canonical(TOPIC_KEYS.get('retention.ms')!, ' 5 '), '5')
  assert.equal(canonical(TOPIC_KEYS.get('preallocate')!, ' TRUE '), 'true')
})

test('null is a value only where there is no default to replace it', () => {
  assert.equal(violation(BROKER_KEYS.get('broker.rack')!, null), null)
  assert.match(violation(BROKER_KEYS.get('listeners')!, null)!, /^expected /)
})
