import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemoryDisk } from '@ottla/base/memory-disk.ts'
import { seededRandom } from '@ottla/base/random.ts'
import { LogDirectory, LogDirectoryError } from './log-directories.ts'

const PATH = '/srv/ottla/data'
const MARKER = `${PATH}/.kafka_cleanshutdown`
const META = `${PATH}/meta.properties`
const OWNER = { clusterId: 'cluster-of-the-first-22', nodeId: 7 }

function crashableDisk(seed: number | string = 1): MemoryDisk {
  return new MemoryDisk({ random: seededRandom(seed) })
}

function owner(changes: Partial<typeof OWNER> = {}) {
  return { ...OWNER, ...changes }
}

test('a directory that another broker runs on is refused, and can be had once that one has stopped', () => {
  const disk = crashableDisk()
  const first = LogDirectory.open(disk, PATH, seededRandom('directories'))
  assert.throws(() => LogDirectory.open(disk, PATH, seededRandom('directories')), {
    name: 'LogDirectoryError',
    message: /"\/srv\/ottla\/data": another broker is running on it.*--data/,
  })
  first[Symbol.dispose]()
  LogDirectory.open(disk, PATH, seededRandom('directories'))[Symbol.dispose]()
})

test('a directory that cannot be read leaves no lock behind', () => {
  const disk = crashableDisk()
  LogDirectory.open(disk, PATH, seededRandom('directories'))[Symbol.dispose]()
  disk.replaceFile(`${PATH}/recovery-point-offset-checkpoint`, Buffer.from('garbage'))
  disk.failNext({ operation: 'read', path: `${PATH}/recovery-point-offset-checkpoint`, code: 'EIO' })
  assert.throws(() => LogDirectory.open(disk, PATH, seededRandom('directories')), { name: 'DiskError' })
  LogDirectory.open(disk, PATH, seededRandom('directories'))[Symbol.dispose]()
})

test('whose directory it is is written once, as Kafka writes it, and checked ever after', () => {
  const disk = crashableDisk()
  const directory = LogDirectory.open(disk, PATH, seededRandom('directories'))
  directory.identify(owner())
  const text = disk.readFile(META).toString()
  assert.match(text, /^version=1\ncluster\.id=cluster-of-the-first-22\nnode\.id=7\ndirectory\.id=[\w-]{22}\n$/)
  directory.identify(OWNER)
  assert.equal(disk.readFile(META).toString(), text, 'it keeps its id')
  assert.throws(() => directory.identify(owner({ clusterId: 'another' })), {
    name: 'LogDirectoryError',
    message: /it belongs to cluster cluster-of-the-first-22, this broker to another/,
  })
  assert.throws(() => directory.identify(owner({ nodeId: 8 })), {
    name: 'LogDirectoryError',
    message: /it belongs to node 7; set node\.id=7/,
  })
})

test('a directory of an older Kafka, which calls the node broker.id, is known', () => {
  const disk = crashableDisk()
  const directory = LogDirectory.open(disk, PATH, seededRandom('directories'))
  const lines = (id: number) => Buffer.from(`#Tue\nversion=0\ncluster.id=${OWNER.clusterId}\nbroker.id=${id}\n`)
  disk.replaceFile(META, lines(7))
  directory.identify(owner())
  disk.replaceFile(META, lines(8))
  assert.throws(() => directory.identify(owner()), LogDirectoryError)
})

test('a new data directory survives a power failure with all its parents', () => {
  for (let seed = 0; seed < 50; seed++) {
    const disk = crashableDisk(seed)
    LogDirectory.open(disk, PATH, seededRandom('directories')).identify(owner())
    disk.crash()
    assert.ok(disk.exists(META), `seed ${seed}`)
  }
})

test('an orderly stop leaves a marker with the broker epoch, and the next start takes it away', () => {
  const disk = crashableDisk()
  const first = LogDirectory.open(disk, PATH, seededRandom('directories'))
  assert.equal(first.wasCleanlyStopped, false)
  first.beginUse()
  first.endUse(42)
  first[Symbol.dispose]()
  assert.equal(disk.readFile(MARKER).toString(), '{"version":0,"brokerEpoch":42}')
  const second = LogDirectory.open(disk, PATH, seededRandom('directories'))
  assert.equal(second.wasCleanlyStopped, true)
  second.beginUse()
  assert.equal(disk.exists(MARKER), false)
  assert.equal(second.wasCleanlyStopped, true, 'it is about the stop before this start')
})

/** A life after an orderly stop: what it got to before the machine crashed at that operation. */
function liveUntil(disk: MemoryDisk, operation: number): { working: boolean; ending: boolean } {
  const reached = { working: false, ending: false }
  disk.crashAtOperation(disk.operations + operation)
  try {
    const directory = LogDirectory.open(disk, PATH, seededRandom('directories'))
    directory.identify(owner())
    directory.beginUse()
    reached.working = true
    disk.open(`${PATH}/log`, { create: true }).write(Buffer.alloc(100), 0)
    reached.ending = true
    directory.endUse(2)
    disk.open(`${PATH}/last`, { create: true })
  } catch (error) {
    assert.equal((error as Error).name, 'CrashError')
  }
  return reached
}

test('wherever a crash comes, the marker is there only if no log was in use', () => {
  const seen = new Set<string>()
  for (let operation = 1; operation <= 12; operation++) {
    for (let seed = 0; seed < 20; seed++) {
      const disk = crashableDisk(`${operation} ${seed}`)
      const first = LogDirectory.open(disk, PATH, seededRandom('directories'))
      first.identify(owner())
      first.beginUse()
      first.endUse(1)
      first[Symbol.dispose]()
      const { working, ending } = liveUntil(disk, operation)
      disk.crash()
      const next = LogDirectory.open(disk, PATH, seededRandom('directories'))
      seen.add(`${working} ${ending} ${next.wasCleanlyStopped}`)
      if (working && !ending) assert.equal(next.wasCleanlyStopped, false, `operation ${operation}, seed ${seed}`)
    }
  }
  for (const needed of ['false false true', 'false false false', 'true false false', 'true true true']) {
    assert.ok(seen.has(needed), `a crash that leaves "${needed}"`)
  }
})

test('the space of a directory that cannot be measured is unknown', () => {
  const disk = new MemoryDisk({ capacityBytes: 1000 })
  const directory = LogDirectory.open(disk, PATH, seededRandom('directories'))
  assert.deepEqual(directory.space(), { totalBytes: 1000, usableBytes: 1000 })
  disk.failNext({ operation: 'stat', path: PATH, code: 'EIO' })
  assert.deepEqual(directory.space(), { totalBytes: -1, usableBytes: -1 })
})
