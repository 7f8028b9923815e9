import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fileSystemOf } from './machine.ts'

const mounts = `/dev/vda / ext4 rw,relatime 0 0
tmpfs /var/tmp tmpfs rw 0 0
/dev/vdb /var/tmp xfs rw 0 0
/dev/vdc /var/tmp2 btrfs rw 0 0
`

test('a path is on the file system that is mounted nearest above it, the last where several are', () => {
  assert.equal(fileSystemOf(mounts, '/var/tmp/bench'), 'xfs on /dev/vdb')
  assert.equal(fileSystemOf(mounts, '/var/tmp'), 'xfs on /dev/vdb')
  assert.equal(fileSystemOf(mounts, '/var/tmp2/bench'), 'btrfs on /dev/vdc')
  assert.equal(fileSystemOf(mounts, '/var/log'), 'ext4 on /dev/vda')
})
