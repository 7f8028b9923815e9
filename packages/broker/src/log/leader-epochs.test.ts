import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LeaderEpochs } from './leader-epochs.ts'
import { DIRECTORY, LogFixture } from './testing.ts'

function epochsOf(...entries: [number, number][]): { epochs: LeaderEpochs; fixture: LogFixture } {
  const fixture = new LogFixture()
  fixture.disk.makeDirectory(DIRECTORY)
  const epochs = LeaderEpochs.load(fixture.disk, DIRECTORY)
  for (const [epoch, startOffset] of entries) epochs.assign(epoch, startOffset)
  return { epochs, fixture }
}

const pairs = (epochs: LeaderEpochs) => epochs.entries.map(({ epoch, startOffset }) => [epoch, startOffset])

test('an epoch ends where the next begins, the latest where the log ends', () => {
  const { epochs } = epochsOf([2, 0], [4, 10], [5, 30])
  assert.deepEqual(epochs.endOffsetFor(5, 99), { epoch: 5, endOffset: 99 })
  assert.deepEqual(epochs.endOffsetFor(4, 99), { epoch: 4, endOffset: 30 })
  assert.deepEqual(epochs.endOffsetFor(3, 99), { epoch: 2, endOffset: 10 }, 'the largest that is not above')
  assert.deepEqual(epochs.endOffsetFor(1, 99), { epoch: 1, endOffset: 0 }, 'older than all: ends where the log begins')
  assert.equal(epochs.endOffsetFor(6, 99), null)
  assert.equal(epochsOf().epochs.endOffsetFor(0, 99), null)
})

test('a new epoch displaces what begins at or behind its start; an old one changes nothing', () => {
  const { epochs } = epochsOf([1, 0], [2, 10], [3, 10])
  assert.deepEqual(pairs(epochs), [
    [1, 0],
    [3, 10],
  ])
  epochs.assign(2, 20)
  epochs.assign(3, 40)
  assert.deepEqual(pairs(epochs), [
    [1, 0],
    [3, 10],
  ])
  assert.deepEqual([epochs.epochAt(9), epochs.epochAt(10)], [1, 3])
})

test('truncation forgets what lies outside, and the epoch at the start begins there', () => {
  const { epochs } = epochsOf([1, 0], [2, 10], [3, 20])
  epochs.truncateFromEnd(20)
  epochs.truncateFromStart(15)
  assert.deepEqual(pairs(epochs), [[2, 15]])
})

test('the file is Kafka’s, and survives a crash once flushed', () => {
  const { epochs, fixture } = epochsOf([1, 0], [2, 10])
  fixture.disk.syncAll()
  epochs.flush()
  fixture.disk.crash()
  const path = `${DIRECTORY}/leader-epoch-checkpoint`
  assert.equal(fixture.disk.readFile(path).toString(), '0\n2\n1 0\n2 10\n')
  assert.deepEqual(pairs(LeaderEpochs.load(fixture.disk, DIRECTORY)), [
    [1, 0],
    [2, 10],
  ])
})

test('a file that is no checkpoint is lost, as one that is missing: the batches have to tell', () => {
  const { fixture } = epochsOf()
  for (const text of ['1\n0\n', '0\n2\n1 0\n', '0\n1\n1\n', '0\n1\nx 0\n', '', '0\n2\n3 0\n1 5\n']) {
    fixture.disk.replaceFile(`${DIRECTORY}/leader-epoch-checkpoint`, Buffer.from(text))
    const epochs = LeaderEpochs.load(fixture.disk, DIRECTORY)
    assert.deepEqual([epochs.isLost, epochs.entries], [true, []], text)
  }
})
