import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigError, type ConfigSources, loadConfig } from './load.ts'

/** The settings of the file that Kafka 4.2 comes with. */
const STOCK = `
process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers=localhost:9093
listeners=PLAINTEXT://:9092,CONTROLLER://:9093
inter.broker.listener.name=PLAINTEXT
advertised.listeners=PLAINTEXT://localhost:9092,CONTROLLER://localhost:9093
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL
num.network.threads=3
num.io.threads=8
socket.send.buffer.bytes=102400
socket.receive.buffer.bytes=102400
socket.request.max.bytes=104857600
log.dirs=/tmp/kraft-combined-logs
num.partitions=1
num.recovery.threads.per.data.dir=2
offsets.topic.replication.factor=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
log.retention.hours=168
log.segment.bytes=1073741824
log.retention.check.interval.ms=300000
`

const file = (text: string): ConfigSources => ({ files: [{ name: 'server.properties', text }] })
const set = (overrides: { [key: string]: string }): ConfigSources => ({ overrides })

function problems(sources: ConfigSources): string {
  try {
    loadConfig(sources)
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.join('\n')
    throw error
  }
  return ''
}

test("Kafka's own server.properties loads, its controller listener stays closed", () => {
  const { config, ignored } = loadConfig(file(STOCK))
  assert.deepEqual(config.listeners, [
    {
      ...{ name: 'PLAINTEXT', securityProtocol: 'PLAINTEXT', bindHost: '', bindPort: 9092 },
      ...{ advertisedHost: 'localhost', advertisedPort: 9092 },
    },
  ])
  assert.equal(config.nodeId, 1)
  assert.deepEqual(config.logDirs, ['/tmp/kraft-combined-logs'])
  assert.deepEqual(
    ignored.map(({ key }) => key),
    [
      ...['controller.quorum.bootstrap.servers', 'num.network.threads', 'num.io.threads'],
      ...['socket.send.buffer.bytes', 'socket.receive.buffer.bytes', 'num.recovery.threads.per.data.dir'],
    ],
  )
  for (const { reason } of ignored) assert.notEqual(reason, '')
})

test('nothing at all is a configuration', () => {
  const { config, ignored } = loadConfig({ hostName: 'here' })
  assert.deepEqual(
    config.listeners.map(({ advertisedHost, bindPort }) => [advertisedHost, bindPort]),
    [['here', 9092]],
  )
  assert.deepEqual(ignored, [])
})

test('what stands later wins: defaults, files, overrides', () => {
  const sources = {
    defaults: { 'num.partitions': '2', 'default.replication.factor': '2', 'log.dirs': '/d' },
    files: [
      { name: 'a', text: 'num.partitions=3\nnum.partitions=4' },
      { name: 'b', text: 'broker.rack=r' },
    ],
    overrides: { 'broker.rack': 's' },
  }
  const { config } = loadConfig(sources)
  assert.deepEqual([config.numPartitions, config.defaultReplicationFactor, config.rack], [4, 2, 's'])
})

test('an unknown key is refused with its place and the name that was meant', () => {
  assert.equal(
    problems(file('\nlog.retention.hour=1')),
    'Unknown configuration key "log.retention.hour" (server.properties, line 2): did you mean "log.retention.hours"?',
  )
})

test('all mistakes are told at once, secrets are not', () => {
  const told = problems(
    set({ 'num.partitions': 'many', 'ssl.keystore.type': 'JKS', 'compression.type': 'rar', nonsense: '1' }),
  )
  assert.equal(told.split('\n').length, 3)
  assert.match(told, /Cannot use num\.partitions=many: expected a whole number of 32 bits from 1/)
  assert.match(told, /Cannot use compression\.type=rar: expected one of /)
})

const REFUSED: readonly (readonly [settings: { [key: string]: string }, told: RegExp])[] = [
  [{ listeners: 'SSL://:9093' }, /Cannot open listener "SSL": its protocol SSL is not supported yet/],
  [{ listeners: 'SASL_PLAINTEXT://:9093' }, /Cannot open listener "SASL_PLAINTEXT"/],
  [{ listeners: 'FRONT://:9092' }, /"listener.security.protocol.map" does not name its protocol/],
  [{ listeners: 'PLAINTEXT://0.0.0.0:9092' }, /Cannot advertise 0\.0\.0\.0 .*Set advertised\.listeners=PLAINTEXT:/],
  [{ listeners: 'PLAINTEXT://[::]:9092' }, /Cannot advertise ::/],
  [{ 'advertised.listeners': 'PLAINTEXT://0.0.0.0:9092' }, /Cannot advertise 0\.0\.0\.0 .*"advertised.listeners"/],
  [{ 'advertised.listeners': 'OTHER://a:9092' }, /Cannot advertise listener "OTHER": "listeners" does not name it/],
  [{ listeners: 'PLAINTEXT://:9092,PLAINTEXT://:9093' }, /PLAINTEXT is there twice/],
  [{ listeners: 'PLAINTEXT://:70000' }, /expected NAME:\/\/host:port/],
  [{ listeners: 'CONTROLLER://:9093', 'controller.listener.names': 'CONTROLLER' }, /holds controller listeners only/],
  [{ 'node.id': '1', 'broker.id': '2' }, /they mean the same/],
  [{ 'node.id': '-1' }, /expected a whole number of 32 bits from 0/],
  [{ 'broker.id': '-1' }, /expected a whole number from 0/],
  [{ 'metadata.store': 'zookeeper' }, /Cannot use "metadata.store": expected embedded or etcd:/],
  [{ 'process.roles': 'controller' }, /process\.roles=controller/],
  [{ 'process.roles': 'broker' }, /process\.roles=broker,controller.*metadata\.store=etcd:/],
  [{ 'controller.quorum.voters': '1@a:1,2@b:1' }, /several controllers.*metadata\.store=etcd:/],
  [{ 'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer' }, /allow everything/],
  [{ 'create.topic.policy.class.name': 'My' }, /Java class/],
  [{ 'replica.selector.class': 'com.acme.Nearest' }, /Java classes cannot run here; org\.apache\.kafka\..* is known/],
  [{ 'log.retention.hours': '0' }, /log\.retention\.hours=0/],
  [{ 'queued.max.request.bytes': '1000' }, /could never be read/],
  [{ 'max.connections.per.ip': '0' }, /nobody could connect/],
  [{ 'max.connections.per.ip.overrides': 'somebody' }, /items like 10\.0\.0\.1:100/],
  [{ 'group.consumer.session.timeout.ms': '1000' }, /group\.consumer\.min\.session\.timeout\.ms/],
  [{ 'inter.broker.listener.name': 'BACK' }, /Cannot use listener BACK between brokers/],
  [{ 'replica.fetch.wait.max.ms': '40000' }, /replica\.lag\.time\.max\.ms/],
]

for (const [settings, told] of REFUSED) {
  test(`${JSON.stringify(settings)} is refused`, () => {
    assert.match(problems(set(settings)), told)
  })
}

test('a listener on every address may be advertised by name', () => {
  const { config } = loadConfig(
    set({ listeners: 'PLAINTEXT://0.0.0.0:0', 'advertised.listeners': 'PLAINTEXT://kafka.example:9092' }),
  )
  assert.deepEqual(
    [config.listeners[0]!.bindHost, config.listeners[0]!.advertisedHost, config.listeners[0]!.advertisedPort],
    ['0.0.0.0', 'kafka.example', 9092],
  )
})

test('addresses of IPv6 and several listeners are understood', () => {
  const { config } = loadConfig(
    set({
      listeners: 'IN://[::1]:9092, OUT://127.0.0.1:9093',
      'listener.security.protocol.map': 'IN:PLAINTEXT,OUT:plaintext',
      'inter.broker.listener.name': 'in',
    }),
  )
  assert.deepEqual(
    config.listeners.map(({ name, bindHost, bindPort }) => [name, bindHost, bindPort]),
    [
      ['IN', '::1', 9092],
      ['OUT', '127.0.0.1', 9093],
    ],
  )
  assert.equal(config.interBrokerListenerName, 'IN')
})

test('settings of TLS are accepted and reported', () => {
  const { ignored } = loadConfig(set({ 'ssl.keystore.password': 'x', 'listener.name.plaintext.ssl.key.password': 'y' }))
  assert.deepEqual(
    ignored.map(({ key }) => key),
    ['ssl.keystore.password', 'listener.name.plaintext.ssl.key.password'],
  )
})

test('limits of single addresses are read, IPv6 too', () => {
  const { config } = loadConfig(set({ 'max.connections.per.ip.overrides': '10.0.0.1:5,::1:7' }))
  assert.deepEqual(
    [...config.connectionsPerIpMaxOverrides],
    [
      ['10.0.0.1', 5],
      ['::1', 7],
    ],
  )
})
