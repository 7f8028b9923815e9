import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { PLANTED_BUGS } from './bugs.ts'
import { edited } from './plant.ts'

const PACKAGES = fileURLToPath(new URL('../../../', import.meta.url))
const SCRIPT = fileURLToPath(new URL('../../../../scripts/planted-bugs.ts', import.meta.url))

test('every planted bug fits the code as it is, and what comes of it is a program', () => {
  for (const bug of PLANTED_BUGS) {
    for (const file of new Set(bug.edits.map((edit) => edit.file))) {
      const source = readFileSync(`${PACKAGES}${file}`, 'utf8')
      const broken = edited(bug, { file, source })
      assert.notEqual(broken, source, bug.name)
      assert.doesNotThrow(() => stripTypeScriptTypes(broken), bug.name)
    }
  }
  assert.equal(new Set(PLANTED_BUGS.map(({ name }) => name)).size, PLANTED_BUGS.length)
})

test('a bug that does not fit any more is told, not passed over', () => {
  const bug = { name: 'gone', what: '', edits: [{ file: 'a.ts', from: 'two', to: 'three' }] }
  assert.equal(edited(bug, { file: 'a.ts', source: 'one two' }), 'one three')
  assert.throws(() => edited(bug, { file: 'a.ts', source: 'one' }), /Cannot plant "gone": a.ts has 0 places/)
  assert.throws(() => edited(bug, { file: 'a.ts', source: 'two two' }), /has 2 places/)
})

test('a bug that is planted is found', async () => {
  for (const [bug, told] of [
    ['fetch-skips-in-mid-batch', /skip/],
    ['acknowledged-before-sync', /not in sync/],
  ] as const) {
    const args = [SCRIPT, '--bug', bug, '--seeds-max', '5']
    assert.match((await promisify(execFile)(process.execPath, args)).stdout, told)
  }
})
