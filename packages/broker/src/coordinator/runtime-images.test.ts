import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ImageChange } from '../metadata/image-change.ts'
import { CoordinatorWorld, recordOf, type ToyMachine, textOf } from '../testing/coordinator-world.ts'
import { step } from './machine.ts'

test('images reach the machines that are loaded, each with the one before it', async () => {
  const world = await CoordinatorWorld.open()
  const revisions = (machine: ToyMachine) => machine.events.filter((event) => event.startsWith('image'))
  world.machine().onImage = ({ image }) => step({ records: [recordOf('revision', String(image.revision))] })
  world.publish()
  world.publish({ partitions: 2 })
  assert.deepEqual(revisions(world.machine()), ['image 1 to 2', 'image 2 to 3'])
  assert.equal(textOf(world.machine()), 'revision=3', 'they are events like any other')
  await world.loaded()
  assert.deepEqual(revisions(world.machine(1)), [])
})

test('what has changed between two images is found once, for all machines', async () => {
  const world = await CoordinatorWorld.open()
  world.publish({ partitions: 2 })
  await world.loaded()
  const changes: ImageChange[] = []
  for (const index of [0, 1]) {
    world.machine(index).onImage = (change) => {
      changes.push(change)
      return step()
    }
  }
  world.publish({ partitions: 2 })
  assert.equal(changes.length, 2)
  assert.equal(changes[0], changes[1])
})
