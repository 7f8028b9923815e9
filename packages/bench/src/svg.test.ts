import assert from 'node:assert/strict'
import { test } from 'node:test'
import { barChart, latencyChart, niceMax } from './svg.ts'

const series = [
  { name: 'one', color: '#111' },
  { name: 'two', color: '#222' },
]
const extent = (median: number) => ({ median, min: median * 0.9, max: median * 1.1 })
const numbersOf = (svg: string, pattern: RegExp): number[] => [...svg.matchAll(pattern)].map(([, text]) => Number(text))

test('a bar is as long as its value, and one without a value is not drawn', () => {
  const bars = [
    { label: 'a', values: [extent(100), extent(50)] },
    { label: 'b', values: [extent(25), null] },
  ]
  const svg = barChart({ title: 'T', axis: 'x', caption: [], series, bars })
  const [full, half, quarter, ...rest] = numbersOf(svg, /width="([\d.]+)" height="13"/g)
  assert.deepEqual(rest, [])
  assert.ok(Math.abs(half! / full! - 0.5) < 0.01)
  assert.ok(Math.abs(quarter! / full! - 0.25) < 0.01)
})

test('rows of bars stand below each other, and the page has room for all', () => {
  const bars = Array.from({ length: 40 }, (_, i) => ({ label: `row ${i}`, values: [extent(i + 1), extent(i + 1)] }))
  const svg = barChart({ title: 'T', axis: 'x', caption: ['c'], series, bars })
  const height = Number(/<svg[^>]* height="([\d.]+)"/.exec(svg)![1])
  const tops = numbersOf(svg, /<rect x="[\d.]+" y="([\d.]+)" width="[\d.]+" height="13"/g)
  assert.equal(tops.length, 80)
  assert.equal(new Set(tops).size, 80)
  assert.ok(Math.max(...tops) < height - 60)
})

test('words are text, whatever is in them', () => {
  const bars = [{ label: '<a> & "b"', values: [extent(1)] }]
  const svg = barChart({ title: 'x < y', axis: 'x', caption: ['& so on'], series: series.slice(0, 1), bars })
  assert.match(svg, /&lt;a&gt; &amp; &quot;b&quot;/)
  assert.match(svg, /x &lt; y/)
  assert.match(svg, /&amp; so on/)
})

test('each further nine is a step to the right, and a latency ten times as high a step up', () => {
  const curve = [
    { percentile: 90, ...extent(1) },
    { percentile: 99, ...extent(10) },
    { percentile: 99.9, ...extent(100) },
    { percentile: 100, ...extent(1000) },
  ]
  const svg = latencyChart({ title: 'T', caption: [], series: series.slice(0, 1), curves: [curve] })
  const points = /<polyline points="([^"]+)"/.exec(svg)![1]!.split(' ')
  const places = points.map((point) => point.split(',').map(Number))
  assert.equal(places.length, 3, 'The last percentile, of which nothing is left, has no place')
  const [[x0, y0], [x1, y1], [x2, y2]] = places as [number[], number[], number[]]
  assert.ok(Math.abs(x1! - x0! - (x2! - x1!)) < 1)
  assert.ok(Math.abs(y0! - y1! - (y1! - y2!)) < 1 && y1! < y0!)
})

test('long captions are broken into lines', () => {
  const caption = ['word '.repeat(200)]
  const svg = barChart({ title: 'T', axis: 'x', caption, series, bars: [{ label: 'a', values: [extent(1), null] }] })
  assert.ok(svg.match(/>word [^<]*</g)!.length > 3)
})

test('axes end at round numbers', () => {
  assert.deepEqual([0, 0.7, 1, 1.1, 21, 260, 900_000].map(niceMax), [1, 0.8, 1, 1.25, 25, 300, 1_000_000])
})
