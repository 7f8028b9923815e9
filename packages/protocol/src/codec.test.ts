import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Fetch } from './apis/01-fetch.ts'
import { OffsetFetch } from './apis/09-offset-fetch.ts'
import { FindCoordinator } from './apis/10-find-coordinator.ts'
import { LeaveGroup } from './apis/13-leave-group.ts'
import { DecodeError, EncodeError, Reader, Writer, ZERO_UUID } from './bytes.ts'
import { api, type DataOf, data, decode, encode, type RequestInputOf, type RequestOf } from './codec.ts'
import { array, bool, bytes, int8, int16, int32, records, string, struct } from './types.ts'

const Sample = data(
  'Sample',
  { versions: [0, 3], flexible: 2 },
  {
    id: int32,
    list: array(int8).since(1).default([]),
    inner: struct({ level: int16.default(5), names: array(string) }).tag(0, 2),
    note: string.nullable().tag(3, 2).default(null),
    old: string.until(0).default('').ignorable(),
    limit: int32.since(1).until(2).default(-1),
    maybe: struct({ flag: bool }).nullable().since(3).default(null),
  },
)

type Sample = DataOf<typeof Sample>

const defaults: Sample = {
  id: 1,
  list: [],
  inner: { level: 0, names: [] },
  note: null,
  old: '',
  limit: -1,
  maybe: null,
}

function hex(version: number, value: Parameters<ReturnType<(typeof Sample)['at']>['write']>[1]): string {
  return encode(Sample.at(version), value).toString('hex')
}

test('each version writes its own fields in the order of the table', () => {
  assert.equal(hex(0, { id: 1, old: 'a' }), '00000001000161')
  assert.equal(hex(1, { id: 1, list: [2, 3], limit: 4 }), '0000000100000002020300000004')
  assert.equal(hex(2, { id: 1, list: [2] }), '000000010202ffffffff00')
  assert.equal(hex(3, { id: 1, maybe: { flag: true } }), '00000001010101' + '00' + '00')
})

test('a reader gets every field of every version, absent ones as their defaults', () => {
  for (const version of [0, 1, 2, 3]) {
    const read = decode(Sample.at(version), encode(Sample.at(version), { id: 1 }))
    assert.deepEqual(read, { ...defaults, inner: { level: 5, names: [] } })
    assert.deepEqual(Object.keys(read), Object.keys(Sample.table))
  }
})

test('defaults are made anew for each message: changing one changes no other', () => {
  const buffer = encode(Sample.at(0), { id: 1 })
  const first = decode(Sample.at(0), buffer)
  first.list.push(9)
  first.inner.names.push('changed')
  first.inner.level = 77
  assert.deepEqual(decode(Sample.at(0), buffer).list, [])
  assert.deepEqual(decode(Sample.at(0), buffer).inner, { level: 5, names: [] })
})

test('a value that the version lacks fails the write, unless it is the default or ignorable', () => {
  const unsupported = (error: unknown) => error instanceof EncodeError && error.unsupportedVersion
  assert.throws(() => hex(0, { id: 1, list: [1] }), unsupported)
  assert.throws(() => hex(3, { id: 1, limit: 4 }), unsupported)
  assert.throws(() => hex(1, { id: 1, note: 'x' }), unsupported)
  assert.throws(() => hex(1, { id: 1, inner: { level: 6, names: [] } }), unsupported)
  assert.throws(() => hex(1, { id: 1, inner: { names: ['x'] } }), unsupported)
  assert.throws(() => hex(2, { id: 1, maybe: { flag: false } }), unsupported)
  assert.equal(hex(1, { id: 1, inner: { level: 5, names: [] } }), hex(1, { id: 1 }))
  assert.equal(hex(1, { id: 1, old: 'dropped' }), hex(1, { id: 1 }))
})

test('the failure names the message, the version and the field', () => {
  assert.throws(() => hex(0, { id: 1, list: [1] }), /Cannot encode Sample v0: this version has no list/)
})

test('tagged fields are written in order, and only when they are not the default', () => {
  assert.equal(
    hex(2, { id: 1, note: 'n', inner: { level: 6, names: [] } }),
    '0000000101ffffffff' + '02' + '0004000601' + '00' + '0302026e',
  )
  assert.equal(hex(2, { id: 1, note: null, inner: { level: 5, names: [] } }), '0000000101ffffffff' + '00')
})

test('unknown tags are skipped, known ones are found among them', () => {
  const read = decode(Sample.at(2), Buffer.from('0000000101ffffffff' + '03' + '0101aa' + '0302026e' + '0700', 'hex'))
  assert.deepEqual(read, { ...defaults, inner: { level: 5, names: [] }, note: 'n' })
})

test('a tag whose size does not fit its field is refused', () => {
  for (const tags of ['0103036e00', '010303026e00', '0103ff', '010301026e']) {
    assert.throws(() => decode(Sample.at(2), Buffer.from(`0000000101ffffffff${tags}`, 'hex')), DecodeError, tags)
  }
})

test('a struct that may be null has a marker: int8 in place, unsigned varint in a tag', () => {
  const Marked = data(
    'Marked',
    { versions: [0, 0], flexible: 0 },
    {
      plain: struct({ flag: bool }).nullable(),
      tagged: struct({ flag: bool }).nullable().tag(0, 0),
      other: struct({ flag: bool }).nullable().tag(1, 0).default(null),
    },
  )
  const write = (value: Parameters<ReturnType<(typeof Marked)['at']>['write']>[1]) =>
    encode(Marked.at(0), value).toString('hex')
  assert.equal(write({}), 'ff' + '00')
  assert.equal(write({ plain: { flag: true }, tagged: null }), '010100' + '01' + '000100')
  assert.equal(write({ other: { flag: true } }), 'ff' + '01' + '0103010100')
  const read = decode(Marked.at(0), Buffer.from('ff' + '02' + '000100' + '0103010100', 'hex'))
  assert.deepEqual(read, { plain: null, tagged: null, other: { flag: true } })
})

test('null is taken only where the version allows it', () => {
  assert.throws(() => encode(OffsetFetch.request.at(1), { groupId: 'g', topics: null }), EncodeError)
  const read = decode(OffsetFetch.request.at(2), encode(OffsetFetch.request.at(2), { groupId: 'g', topics: null }))
  assert.equal(read.topics, null)
  assert.throws(() => encode(LeaveGroup.request.at(5), { groupId: null as never }), EncodeError)
})

test('what may be null and is left out is written as null', () => {
  const response = { errorCode: 0, nodeId: 1, host: 'h', port: 2 }
  const read = decode(FindCoordinator.response.at(2), encode(FindCoordinator.response.at(2), response))
  assert.equal(read.errorMessage, null)
  assert.equal(
    decode(FindCoordinator.response.at(0), encode(FindCoordinator.response.at(0), response)).errorMessage,
    '',
  )
})

test('wrong values of every kind are EncodeErrors', () => {
  assert.throws(() => hex(1, { id: 'x' as never }), EncodeError)
  assert.throws(() => hex(1, {} as never), EncodeError)
  assert.throws(() => hex(1, null as never), EncodeError)
  assert.throws(() => hex(1, { id: 1, list: 5 as never }), EncodeError)
  assert.throws(() => hex(1, { id: 1, list: [1, 300] }), EncodeError)
  assert.throws(() => hex(2, { id: 1, inner: { level: 6 } as never }), EncodeError)
})

test('records are written from one buffer or from a list, and read as a view', () => {
  const Batch = data('Batch', { versions: [0, 1], flexible: 1 }, { records: records.nullable(), tail: bytes })
  const [one, two] = [Buffer.alloc(2000, 1), Buffer.from('ab')]
  for (const version of [0, 1]) {
    const writer = new Writer()
    Batch.at(version).write(writer, { records: [one, two], tail: two })
    assert.ok(writer.parts().includes(one))
    const whole = writer.toBuffer()
    assert.deepEqual(encode(Batch.at(version), { records: Buffer.concat([one, two]), tail: two }), whole)
    const read = decode(Batch.at(version), whole)
    assert.deepEqual(read.records, Buffer.concat([one, two]))
    assert.equal(read.records!.buffer, whole.buffer)
    assert.equal(decode(Batch.at(version), encode(Batch.at(version), { tail: two })).records, null)
  }
})

test('bytes left over fail a whole message', () => {
  const buffer = Buffer.concat([encode(Sample.at(0), { id: 1 }), Buffer.from([0])])
  assert.throws(() => decode(Sample.at(0), buffer), DecodeError)
})

test('a codec is compiled once, and making a table compiles nothing', () => {
  const before = globalThis.Function
  let compiled = 0
  globalThis.Function = new Proxy(before, {
    construct: (target, parameters) => {
      compiled++
      return Reflect.construct(target, parameters)
    },
  })
  try {
    const Lazy = api(
      999,
      'Lazy',
      { versions: [0, 1], listeners: [] },
      { request: { id: int32 }, response: { id: int32 } },
    )
    assert.equal(compiled, 0)
    assert.equal(Lazy.request.at(1), Lazy.request.at(1))
    assert.equal(compiled, 1)
  } finally {
    globalThis.Function = before
  }
})

test('a version that does not exist is a bug of the caller', () => {
  assert.throws(() => Sample.at(4), /Sample has versions 0 to 3, not 4/)
  assert.throws(() => Fetch.request.at(3), /FetchRequest has versions 4 to 18, not 3/)
})

test('a field whose name is not a name is refused before it gets into code', () => {
  const Bad = data('Bad', { versions: [0, 0] }, { 'x; evil()': int32 })
  assert.throws(() => Bad.at(0), /is a field's name/)
})

test('saturating fields of a fetch take Long.MAX', () => {
  const request = {
    maxWaitMs: 0,
    minBytes: 0,
    topics: [{ topic: 't', partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1 }] }],
  }
  const buffer = encode(Fetch.request.at(4), request)
  const at = buffer.indexOf(Buffer.from('0000000000000000' + '00000001', 'hex'))
  buffer.writeBigInt64BE(2n ** 63n - 1n, at)
  const read = decode(Fetch.request.at(4), buffer)
  assert.equal(read.topics[0]!.partitions[0]!.fetchOffset, Number.MAX_SAFE_INTEGER)
  assert.equal(read.topics[0]!.partitions[0]!.highWatermark, 2n ** 63n - 1n)
  assert.equal(read.topics[0]!.topicId, ZERO_UUID)
})

test('the static types are those of the table', () => {
  const request: RequestInputOf<typeof LeaveGroup> = { groupId: 'g', members: [{ memberId: 'm' }] }
  const read: RequestOf<typeof LeaveGroup> = decode(LeaveGroup.request.at(5), encode(LeaveGroup.request.at(5), request))
  const reason: string | null = read.members[0]!.reason
  assert.equal(reason, null)
  const wrong = () => [
    // @ts-expect-error a member has an id
    LeaveGroup.request.at(5).write(new Writer(), { groupId: 'g', members: [{ reason: 'bye' }] }),
    // @ts-expect-error a group's id is text
    LeaveGroup.request.at(5).write(new Writer(), { groupId: 3 }),
    // @ts-expect-error no such field
    LeaveGroup.request.at(5).read(new Reader(Buffer.alloc(0))).nothing,
    // @ts-expect-error the group's id is missing
    LeaveGroup.request.at(5).write(new Writer(), {}),
  ]
  assert.equal(typeof wrong, 'function')
})
