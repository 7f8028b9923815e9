import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Produce } from '@ottla/protocol/apis/00-produce.ts'
import { ApiVersions } from '@ottla/protocol/apis/18-api-versions.ts'
import { httpGet, memoryBroker } from '../testing/memory-broker.ts'
import { RawClient } from '../testing/raw-client.ts'
import { batchOf, produceRequest } from '../testing/still-world.ts'

const SAMPLE =
  /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*",?)*)\})? (-?[0-9.e+-]+|NaN|[+-]Inf)$/

/** Every sample by its name and labels; fails on a line that Prometheus could not read. */
function parse(text: string): Map<string, number> {
  assert.ok(text.endsWith('\n'))
  const types = new Map<string, string>()
  const samples = new Map<string, number>()
  for (const line of text.slice(0, -1).split('\n')) {
    const comment = /^# (HELP|TYPE) (\S+) (.+)$/.exec(line)
    if (comment) {
      const [, kind, name, rest] = comment
      if (kind === 'TYPE') {
        assert.equal(types.has(name!), false, `${name} has one type`)
        types.set(name!, rest!)
      }
      continue
    }
    const sample = SAMPLE.exec(line)
    assert.ok(sample, `Cannot read "${line}"`)
    const [, name, labels, value] = sample
    const family = name!.replace(/_(sum|count|bucket)$/, '')
    assert.ok(types.has(name!) || ['summary', 'histogram'].includes(types.get(family)!), `${name} has a type`)
    const key = labels ? `${name}{${labels}}` : name!
    assert.equal(samples.has(key), false, `${key} is there once`)
    samples.set(key, Number(value))
  }
  return samples
}

async function open() {
  const broker = await memoryBroker({ http: { host: '127.0.0.1', port: 0 } })
  const get = (path: string) => httpGet(broker.httpPort!, path)
  return { broker, get, [Symbol.asyncDispose]: () => broker[Symbol.asyncDispose]() }
}

test('the metrics are Prometheus text, and count what clients did', async () => {
  await using opened = await open()
  using client = await RawClient.connect(opened.broker.port)
  await client.ask(ApiVersions, 3, { clientSoftwareName: 'test', clientSoftwareVersion: '1' })
  for (let i = 0; i < 3; i++) await client.ask(Produce, 12, produceRequest(batchOf()))
  await client.ask(Produce, 12, produceRequest(null))
  const { status, contentType, body } = await opened.get('/metrics')
  assert.deepEqual([status, contentType], [200, 'text/plain; version=0.0.4'])
  const samples = parse(body)
  assert.equal(samples.get('ottla_requests_total{api="Produce"}'), 4)
  assert.equal(samples.get('ottla_request_failures_total{api="Produce"}'), 1)
  assert.equal(samples.get('ottla_request_latency_milliseconds_count{api="Produce"}'), 4)
  assert.equal(samples.get('ottla_requests_total{api="Fetch"}'), 0)
  assert.equal(samples.get('ottla_connections'), 1)
  assert.equal(samples.get('ottla_budget_used_bytes{share="request frames"}'), 0)
  assert.equal(samples.get('ottla_budget_used_bytes{share="replies"}'), 0)
  assert.equal(samples.get('ottla_log_deleted_segments_total{reason="start_offset"}'), 0)
  assert.equal(samples.get('ottla_log_deleted_bytes_total'), 0)
  assert.equal(samples.get('ottla_log_removals_waiting'), 0)
  assert.ok(samples.get('process_resident_memory_bytes')! > 1_000_000)
})

test('the delay of the event loop is a histogram whose buckets add up', async () => {
  await using opened = await open()
  const samples = parse((await opened.get('/metrics')).body)
  const name = 'ottla_event_loop_delay_milliseconds'
  const counts = [...samples].filter(([key]) => key.startsWith(`${name}_bucket`)).map(([, count]) => count)
  assert.equal(counts.length, 58)
  assert.deepEqual(
    counts,
    counts.toSorted((a, b) => a - b),
  )
  assert.equal(counts.at(-1), samples.get(`${name}_count`))
  assert.ok(samples.has('ottla_event_loop_delay_since_start_milliseconds{quantile="0.99"}'))
})

test('the longest turn of the event loop is told since the last time it was read', async () => {
  await using opened = await open()
  const name = 'ottla_event_loop_turn_max_milliseconds'
  for (let reading = 0; reading < 2; reading++) {
    assert.ok(parse((await opened.get('/metrics')).body).get(name)! > 0, 'The turns of the request itself are there')
  }
})

test('the operator’s endpoint says that the broker lives and serves, and what else there is', async () => {
  await using opened = await open()
  assert.deepEqual((await opened.get('/live')).status, 200)
  assert.deepEqual((await opened.get('/ready')).status, 200)
  assert.deepEqual((await opened.get('/nothing')).status, 404)
})
