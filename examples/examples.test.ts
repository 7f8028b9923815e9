import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Broker } from '@ottla/broker/broker.ts'
import { peakShaving } from './peak-shaving.ts'
import { threeServices } from './three-services.ts'

const SETTINGS = { 'group.initial.rebalance.delay.ms': '0' }
const CHANGES = 48

test('each service hears of every change once, those of a product in their order', async () => {
  await using broker = await Broker.start({ storage: 'memory', port: 0, settings: SETTINGS })
  const heard = await threeServices({ bootstrap: broker.bootstrap, changes: CHANGES, rate: 1000, print: () => {} })
  assert.deepEqual([...heard.keys()], ['search', 'product-page', 'merchant'])
  for (const changes of heard.values()) {
    assert.equal(changes.length, CHANGES)
    for (const ofProduct of Map.groupBy(changes, ({ product }) => product).values())
      assert.deepEqual(
        ofProduct.map(({ change }) => change),
        ofProduct.map((_, index) => index),
      )
  }
})

test('a burst waits in the log until the service has drained it', async () => {
  await using broker = await Broker.start({ storage: 'memory', port: 0, settings: SETTINGS })
  const lines: string[] = []
  const print = (line: string): void => void lines.push(line)
  const { produced, heard } = await peakShaving({ bootstrap: broker.bootstrap, rate: 100, seconds: 0.3, print })
  assert.equal(heard, produced)
  assert.ok(lines.some((line) => /lag \d+/.test(line)))
})
