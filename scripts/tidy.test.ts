import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, describe, test } from 'node:test'
import { API } from 'typescript/unstable/sync'
import { tidyFindings } from './tidy.ts'
import { sizeReport } from './tidy-sizes.ts'
import { parseProject } from './tidy-source.ts'

const CONFIG = JSON.stringify({
  compilerOptions: { module: 'nodenext', noEmit: true, allowImportingTsExtensions: true, types: [], noLib: true },
  include: ['packages/*/src/**/*.ts', 'interop/**/*.ts', 'scripts/*.ts'],
})

const base = mkdtempSync(join(realpathSync(tmpdir()), 'ottla-tidy-'))
const compiler = new API({ cwd: base })
after(() => {
  compiler.close()
  rmSync(base, { recursive: true })
})

function parse(files: Record<string, string>) {
  const root = mkdtempSync(join(base, 'repository-'))
  for (const [path, text] of [['tsconfig.json', CONFIG], ...Object.entries(files)] as [string, string][]) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  return parseProject(compiler, root)
}

/** The findings as `line rule`, without their text; paths too where there are several files. */
function findingsOf(files: Record<string, string>): string[] {
  return tidyFindings(parse(files)).map(({ path, line, rule }) => `${path}:${line} ${rule}`)
}

/** The rules that one file breaks, by line. */
function broken(path: string, text: string): string[] {
  return tidyFindings(parse({ [path]: text })).map(({ line, rule }) => `${line} ${rule}`)
}

describe('layers', () => {
  /** Each is an import that must not be there. */
  const forbidden: [string, string][] = [
    ['packages/base/src/a.ts', '@ottla/protocol/b.ts'],
    ['packages/protocol/src/a.ts', '@ottla/client/b.ts'],
    ['packages/protocol/src/a.ts', '../../broker/src/b.ts'],
    ['packages/client/src/a.ts', '@ottla/broker/b.ts'],
    ['packages/cli/src/a.ts', '@ottla/protocol/b.ts'],
    ['packages/cli/src/a.ts', '@ottla/broker/b.ts'],
    ['packages/broker/src/partition/a.ts', '@ottla/client/producer/b.ts'],
    ['packages/broker/src/log/a.ts', '@ottla/client/connection.ts'],
    ['packages/broker/src/partition/a.ts', '@ottla/client/fake-broker.ts'],
    ['packages/broker/src/partition/a.test.ts', '@ottla/client/client.ts'],
    ['packages/broker/src/handlers/a.ts', '@ottla/client/connection.ts'],
    ['packages/broker/src/broker.ts', '@ottla/bench/b.ts'],
    ['packages/bench/src/a.ts', '../../../interop/processes.ts'],
    ['packages/broker/src/log/a.ts', '../metadata/b.ts'],
    ['packages/broker/src/log/a.ts', '../partition/b.ts'],
    ['packages/broker/src/partition/a.ts', '../coordinator/b.ts'],
    ['packages/broker/src/coordinator/group/a.ts', '../../handlers/b.ts'],
    ['packages/broker/src/handlers/a.ts', '../network/b.ts'],
    ['packages/broker/src/network/a.ts', '../admin/b.ts'],
    ['packages/broker/src/metadata/image.ts', './changes.ts'],
    ['packages/broker/src/config/a.ts', '../log/b.ts'],
    ['packages/broker/src/handlers/a.ts', '../broker.ts'],
    ['packages/broker/src/utils/a.ts', '../log/b.ts'],
    ['packages/broker/src/handlers/a.ts', '../utils/b.ts'],
    ['packages/unknown/src/a.ts', '@ottla/base/b.ts'],
  ]
  for (const [path, specifier] of forbidden) {
    test(`${path} may not import ${specifier}`, () => {
      assert.deepEqual(broken(path, `import { b } from '${specifier}'\n`), ['1 layers'])
    })
  }

  const allowed: [string, string][] = [
    ['packages/protocol/src/a.ts', '@ottla/base/b.ts'],
    ['packages/client/src/a.ts', '@ottla/protocol/b.ts'],
    ['packages/cli/src/commands/a.ts', '@ottla/client/b.ts'],
    ['packages/broker/src/partition/a.ts', '@ottla/client/connection.ts'],
    ['packages/broker/src/partition/a.test.ts', '@ottla/client/fake-broker.ts'],
    ['packages/broker/src/partition/a.ts', '../log/b.ts'],
    ['packages/broker/src/log/a.ts', '../metadata/image.ts'],
    ['packages/broker/src/log/a.ts', './b.ts'],
    ['packages/broker/src/security/a.ts', '../config.ts'],
    ['packages/broker/src/config/a.ts', '../metadata/image.ts'],
    ['packages/broker/src/broker.ts', './network/b.ts'],
    ['packages/broker/src/main.ts', './broker.ts'],
    ['packages/bench/src/a.ts', '@ottla/broker/broker.ts'],
    ['packages/bench/src/a.ts', '../../../interop/apache-kafka.ts'],
    ['interop/a.ts', '@ottla/broker/broker.ts'],
    ['packages/client/src/a.ts', 'node:buffer'],
  ]
  for (const [path, specifier] of allowed) {
    test(`${path} may import ${specifier}`, () => {
      assert.deepEqual(broken(path, `import { b } from '${specifier}'\n`), [])
    })
  }

  test('every way to name a module counts', () => {
    const text = [
      "import type { A } from '@ottla/broker/a.ts'",
      "export * from '@ottla/broker/b.ts'",
      "type C = import('@ottla/broker/c.ts').C",
      "const d = await import('@ottla/broker/d.ts')",
      "import '@ottla/broker/e.ts'",
      "// import '@ottla/broker/f.ts'",
      'const g = "import \'@ottla/broker/g.ts\'"',
    ]
    const lines = broken('packages/client/src/a.ts', text.join('\n'))
    assert.deepEqual(lines, ['1 layers', '2 layers', '3 layers', '4 layers', '5 layers'])
  })

  test('files that load each other in a circle are found once, and types make no circle', () => {
    const files = {
      'packages/base/src/a.ts': "import { b } from './b.ts'\n",
      'packages/base/src/b.ts': "export { c } from './c.ts'\n",
      'packages/base/src/c.ts': "import { a } from './a.ts'\n",
      'packages/base/src/d.ts': "import type { E } from './e.ts'\n",
      'packages/base/src/e.ts': "import { d } from './d.ts'\n",
    }
    assert.deepEqual(findingsOf(files), ['packages/base/src/c.ts:1 cycle'])
  })
})

describe('purity', () => {
  const impure = [
    'new Date()',
    'Date.now()',
    'performance.now()',
    'process.hrtime.bigint()',
    'process.nextTick(() => {})',
    'setTimeout(() => {}, 1)',
    'setInterval(() => {}, 1)',
    'setImmediate(() => {})',
    'queueMicrotask(() => {})',
    'AbortSignal.timeout(1)',
    'Math.random()',
    "Math['random']()",
    'globalThis.setTimeout(() => {}, 1)',
    'const { random } = { random: crypto.randomUUID }',
    'new FinalizationRegistry(() => {})',
    'new Promise(() => {})',
    'Promise.withResolvers()',
    'const later = { setTimeout }',
    "import fs from 'node:fs'",
    "import { connect } from 'net'",
    "import { Worker } from 'node:worker_threads'",
    "import { EventEmitter } from 'node:events'",
    "import { setTimeout as later } from 'node:timers/promises'",
    "import { DatabaseSync } from 'node:sqlite'",
    "import { randomBytes } from 'node:crypto'",
    "import { pbkdf2 } from 'node:crypto'",
    "import { gzip } from 'node:zlib'",
    "import zlib from 'node:zlib'; zlib.gunzip(b, () => {})",
    "import * as crypto from 'node:crypto'; const c = crypto",
    "const fs = await import('node:fs')",
  ]
  for (const text of impure) {
    test(`${text} is refused outside base`, () => {
      assert.deepEqual(new Set(broken('packages/broker/src/log/a.ts', text)), new Set(['1 purity']))
      assert.deepEqual(broken('packages/base/src/a.ts', text), [])
      assert.deepEqual(broken('interop/a.ts', text), [])
    })
  }

  const pure = [
    "import { gzipSync, constants } from 'node:zlib'",
    "import zlib from 'node:zlib'; zlib.gunzipSync(b)",
    "import { createHash, timingSafeEqual, pbkdf2Sync } from 'node:crypto'",
    "import type { Server } from 'node:http'",
    "import { Buffer } from 'node:buffer'",
    'const at = row.Date + options.setTimeout',
    'function later(setTimeout: () => void) { setTimeout() }',
    'Promise.resolve(Math.max(1, 2))',
    '// Date.now() and setTimeout are for base',
    "const text = 'Math.random()'",
    'interface Clock { performance(): number; Date: string }',
  ]
  for (const text of pure) {
    test(`${text} is fine everywhere`, () => assert.deepEqual(broken('packages/broker/src/log/a.ts', text), []))
  }

  test('tests may reach the real system, but not the real time', () => {
    const text = "import fs from 'node:fs'\nimport net from 'node:net'\nprocess.pid\nsetTimeout(f, 1)\nDate.now()\n"
    assert.deepEqual(broken('packages/broker/src/log/a.test.ts', text), ['4 purity', '5 purity'])
  })

  test('an adapter may use what it is for, and nothing else', () => {
    const text = "import { DatabaseSync } from 'node:sqlite'\nimport fs from 'node:fs'\n"
    assert.deepEqual(broken('packages/broker/src/metadata/sqlite-store.ts', text), ['2 purity'])
    assert.deepEqual(broken('packages/broker/src/main.ts', 'process.exitCode = 1\n'), [])
    assert.deepEqual(broken('packages/broker/src/broker.ts', 'process.exitCode = 1\n'), ['1 purity'])
  })
})

describe('state', () => {
  const mutable = [
    'let count = 0',
    'var count = 0',
    'export let count = 0',
    'const cache = new Map()\nexport function f() { cache.set(1, 2) }',
    'const list: number[] = []\nexport const f = () => list.push(1)',
    'const state = { open: false }\nclass A { m() { state.open = true } }',
    'const state = { deep: [0] }\nfunction f() { state.deep[0]!++ }',
    'const state: { a?: 1 } = {}\nfunction f() { delete state.a }',
  ]
  for (const text of mutable) {
    test(`${text.replace('\n', '; ')} is refused`, () => {
      assert.deepEqual(broken('packages/protocol/src/a.ts', text), [text.includes('\n') ? '2 state' : '1 state'])
    })
  }

  const constant = [
    'const table = new Map()\nfor (const key of [1, 2]) table.set(key, key)',
    'const table = [1]\nfunction f(table: number[]) { table.push(1) }',
    'const table = [1]\nfunction f() { const table: number[] = []; table.push(1) }',
    'const table = [1]\nfunction f() { return table[0] === 1 && table.toSorted() }',
    'function f() { let count = 0; count++; return count }',
  ]
  for (const text of constant) {
    test(`${text.replace('\n', '; ')} is fine`, () => assert.deepEqual(broken('packages/protocol/src/a.ts', text), []))
  }
})

describe('any', () => {
  test('is for codec.ts alone', () => {
    const text = 'const a = (b: any) => b\nconst any = 1\ntype C = any[]\n// any\n'
    assert.deepEqual(broken('packages/protocol/src/a.ts', text), ['1 any', '3 any'])
    assert.deepEqual(broken('packages/protocol/src/codec.ts', text), [])
  })
})

describe('sizes', () => {
  const lines = (count: number) => '//\n'.repeat(count)

  test('a file of 500 lines passes, one of 501 fails', () => {
    assert.deepEqual(broken('packages/base/src/a.ts', lines(500)), [])
    assert.deepEqual(broken('packages/base/src/a.ts', lines(501)), ['1 size'])
  })

  test('a function of 70 lines passes, one of 71 fails, of whatever kind', () => {
    for (const kind of [
      'function f()',
      'const f = () =>',
      'class A { m()',
      'class A { constructor()',
      'const f = function ()',
    ]) {
      const close = kind.startsWith('class') ? '}}' : '}'
      assert.deepEqual(broken('packages/base/src/a.ts', `${kind} {\n${lines(68)}${close}\n`), [])
      assert.deepEqual(broken('packages/base/src/a.ts', `//\n${kind} {\n${lines(69)}${close}\n`), ['2 size'])
    }
  })

  test('a list of tests may be long, each of its tests not', () => {
    const text = `describe('a', () => {\n${lines(80)}test('b', () => {\n${lines(69)}})\n})\n`
    assert.deepEqual(broken('packages/base/src/a.test.ts', text), ['82 size'])
  })

  test('what is beyond the goal is listed', () => {
    const text = `${lines(280)}function f() {\n${lines(29)}}\n`
    const report = sizeReport(parse({ 'packages/base/src/a.ts': text }))
    assert.deepEqual(report.findings, [])
    assert.deepEqual(report.text.split('\n'), [
      '1 files: lines p50 311, p90 311, max 311',
      '  311 lines: packages/base/src/a.ts',
      '1 functions: lines p50 31, p90 31, max 31',
      '  31 lines: packages/base/src/a.ts:281 f',
    ])
  })
})
