import assert from 'node:assert/strict'
import { test } from 'node:test'
import { tracedReplies } from './sync-trace.ts'

const LOG = '/data/t-0/0.log'
const WRITE = `7 pwrite64(5<${LOG}>, ""..., 70, 30) = 70`
const REPLY = '7 write(9<TCP:[127.0.0.1:9092->127.0.0.1:40000]>, ""..., 52) = 52'

function syncedAtReply(...lines: readonly string[]): number | undefined {
  const [reply] = tracedReplies(lines.join('\n'))
  assert.equal(reply?.clientPort, 40_000)
  assert.equal(reply.written.get(LOG), 100)
  return reply.synced.get(LOG)
}

test('a sync between write and reply covers what was written', () => {
  assert.equal(syncedAtReply(WRITE, `8 fdatasync(5<${LOG}>) = 0`, REPLY), 100)
})

test('a reply before the sync, or before its end, is not covered', () => {
  assert.equal(syncedAtReply(WRITE, REPLY, `8 fdatasync(5<${LOG}>) = 0`), undefined)
  const [begun, ended] = [`8 fdatasync(5<${LOG}> <unfinished ...>`, '8 <... fdatasync resumed>) = 0']
  assert.equal(syncedAtReply(WRITE, begun, REPLY, ended), undefined)
  assert.equal(syncedAtReply(WRITE, begun, ended, REPLY), 100)
})

test('a sync that began before the write, failed, or was of another file covers nothing of it', () => {
  const [begun, ended] = [`8 fdatasync(5<${LOG}> <unfinished ...>`, '8 <... fdatasync resumed>) = 0']
  assert.equal(syncedAtReply(begun, WRITE, ended, REPLY), 0)
  assert.equal(syncedAtReply(WRITE, `8 fdatasync(5<${LOG}>) = -1 EIO (Input/output error)`, REPLY), undefined)
  assert.equal(syncedAtReply(WRITE, '8 fdatasync(6</data/other>) = 0', REPLY), undefined)
})

test('short numbers of threads, which strace pads, are understood', () => {
  const [write, reply] = [WRITE, REPLY].map((line) => line.replace('7 ', '77  '))
  assert.equal(syncedAtReply(write!, `88  fdatasync(5<${LOG}>) = 0`, reply!), 100)
})

test('a write that another thread interrupts is understood', () => {
  const [begun, ended] = [`7 pwrite64(5<${LOG}>, ""..., 70, 30 <unfinished ...>`, '7 <... pwrite64 resumed>) = 70']
  assert.equal(syncedAtReply(begun, ended, `8 fdatasync(5<${LOG}>) = 0`, REPLY), 100)
})
