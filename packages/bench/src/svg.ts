/** Owns the drawing: bars and curves with axes, legend and caption, as SVG text. Knows nothing of what is drawn. */
import { numberText } from './report.ts'

export interface Series {
  readonly name: string
  readonly color: string
}

/** Median and ends of what was measured. */
export interface Extent {
  readonly median: number
  readonly min: number
  readonly max: number
}

interface Captioned {
  readonly title: string
  /** Lines below the drawing; long ones are broken. */
  readonly caption: readonly string[]
  readonly series: readonly Series[]
}

export interface BarChart extends Captioned {
  /** Of the axis, with its unit. */
  readonly axis: string
  /** Per bar a value for each series, null where it has none. */
  readonly bars: readonly { readonly label: string; readonly values: readonly (Extent | null)[] }[]
}

export interface CurveChart extends Captioned {
  /** Per series its points, from the lowest percentile up. */
  readonly curves: readonly (readonly ({ readonly percentile: number } & Extent)[])[]
}

const WIDTH = 1200
const MARGIN = 24
const FONT = 13
/** The average width of a letter of the font, generously. */
const LETTER = FONT * 0.56
const LINE = 18
const HEAD = 78
const BAR = 15
const BAR_GAP = 12
const VALUE_ROOM = 90
const AXIS_ROOM = 46
const CURVE_HEIGHT = 440
const CURVE_LEFT = 80
const TICKS = 6
const CAPTION_FONT = 11
const CAPTION_LINE = 15
/** Where the axis of percentiles ends: 99.99. */
const NINES_MAX = 4
/** Fifths of these are short numbers. */
const NICE_DIGITS = [1, 1.25, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10]
const PERCENTILE_TICKS = [0, 50, 90, 99, 99.9, 99.99]

export function barChart(chart: BarChart): string {
  const { bars, series } = chart
  const left = MARGIN + Math.max(...bars.map(({ label }) => label.length)) * LETTER + 10
  const scaleMax = niceMax(Math.max(...bars.flatMap(({ values }) => values.map((value) => value?.max ?? 0))))
  const x = (value: number): number => left + (value / scaleMax) * (WIDTH - VALUE_ROOM - left)
  const step = series.length * BAR + BAR_GAP
  const bottom = HEAD + bars.length * step
  const shapes = bars.flatMap(({ label, values }, index) => {
    const top = HEAD + index * step + BAR_GAP / 2
    const middle = top + (series.length * BAR) / 2 + FONT / 3
    const drawn = values.map((value, i) =>
      value === null ? '' : barOf(value, { x, top: top + i * BAR, ...series[i]! }),
    )
    return [textAt({ x: left - 10, y: middle, anchor: 'end' }, label), ...drawn]
  })
  return page(chart, {
    height: bottom + AXIS_ROOM,
    shapes: [...barAxis({ x, scaleMax, bottom, axis: chart.axis }), ...shapes],
  })
}

/** Latency by percentile, both on logarithmic axes: each step to the right is a tenth of what is left of the messages. */
export function latencyChart(chart: CurveChart): string {
  const points = chart.curves.flat().filter(({ percentile }) => isDrawn(percentile))
  const [low, high] = [
    decadeOf(Math.min(...points.map(({ min }) => min)), Math.floor),
    decadeOf(Math.max(...points.map(({ max }) => max)), Math.ceil),
  ]
  const bottom = HEAD + CURVE_HEIGHT
  const x = (percentile: number): number =>
    CURVE_LEFT + (nines(percentile) / NINES_MAX) * (WIDTH - 2 * MARGIN - CURVE_LEFT)
  const y = (ms: number): number => bottom - ((Math.log10(ms) - low) / Math.max(high - low, 1)) * CURVE_HEIGHT
  const curves = chart.curves.flatMap((curve, i) =>
    curveOf(
      curve.filter(({ percentile }) => isDrawn(percentile)),
      { x, y, color: chart.series[i]!.color },
    ),
  )
  return page(chart, { height: bottom + AXIS_ROOM, shapes: [...curveAxes({ x, y, low, high, bottom }), ...curves] })
}

type Scale = (value: number) => number

function barOf(value: Extent, at: { x: Scale; top: number; color: string }): string {
  const { x, top, color } = at
  const middle = top + BAR / 2
  const [from, to] = [x(value.min), x(value.max)]
  return [
    `<rect x="${px(x(0))}" y="${px(top + 1)}" width="${px(Math.max(x(value.median) - x(0), 1))}" height="${BAR - 2}" fill="${color}"/>`,
    `<path d="M${px(from)} ${px(middle)}H${px(to)}M${px(from)} ${px(middle - 4)}v8M${px(to)} ${px(middle - 4)}v8" stroke="#222" fill="none"/>`,
    textAt({ x: Math.max(to, x(value.median)) + 6, y: middle + 4, size: CAPTION_FONT }, numberText(value.median)),
  ].join('')
}

function barAxis({
  x,
  scaleMax,
  bottom,
  axis,
}: {
  x: Scale
  scaleMax: number
  bottom: number
  axis: string
}): string[] {
  const ticks = Array.from({ length: TICKS }, (_, i) => (scaleMax / (TICKS - 1)) * i)
  return [
    ...ticks.map((tick) => `<path d="M${px(x(tick))} ${HEAD}V${px(bottom)}" stroke="#ddd"/>`),
    ...ticks.map((tick) =>
      textAt({ x: x(tick), y: bottom + LINE, anchor: 'middle', size: CAPTION_FONT }, numberText(tick)),
    ),
    textAt({ x: (x(0) + x(scaleMax)) / 2, y: bottom + 2 * LINE, anchor: 'middle' }, axis),
  ]
}

function curveOf(
  points: readonly ({ percentile: number } & Extent)[],
  at: { x: Scale; y: Scale; color: string },
): string[] {
  const { x, y, color } = at
  const place = (percentile: number, ms: number): string => `${px(x(percentile))},${px(y(ms))}`
  const band = [
    ...points.map(({ percentile, max }) => place(percentile, max)),
    ...points.toReversed().map(({ percentile, min }) => place(percentile, min)),
  ]
  return [
    `<polygon points="${band.join(' ')}" fill="${color}" fill-opacity="0.15"/>`,
    `<polyline points="${points.map(({ percentile, median }) => place(percentile, median)).join(' ')}" stroke="${color}" stroke-width="2" fill="none"/>`,
    ...points.map(
      ({ percentile, median }) => `<circle cx="${px(x(percentile))}" cy="${px(y(median))}" r="3" fill="${color}"/>`,
    ),
  ]
}

function curveAxes(axes: { x: Scale; y: Scale; low: number; high: number; bottom: number }): string[] {
  const { x, y, low, high, bottom } = axes
  const decades = Array.from({ length: high - low + 1 }, (_, i) => low + i)
  const minor = decades.slice(0, -1).flatMap((decade) => [2, 5].map((digit) => digit * 10 ** decade))
  const right = x(PERCENTILE_TICKS.at(-1)!)
  const line = (ms: number, color: string): string =>
    `<path d="M${CURVE_LEFT} ${px(y(ms))}H${px(right)}" stroke="${color}"/>${textAt({ x: CURVE_LEFT - 8, y: y(ms) + 4, anchor: 'end', size: CAPTION_FONT }, `${numberText(ms)} ms`)}`
  return [
    ...minor.map((ms) => line(ms, '#eee')),
    ...decades.map((decade) => line(10 ** decade, '#ccc')),
    ...PERCENTILE_TICKS.map((tick) => `<path d="M${px(x(tick))} ${HEAD}V${px(bottom)}" stroke="#ddd"/>`),
    ...PERCENTILE_TICKS.map((tick) =>
      textAt({ x: x(tick), y: bottom + LINE, anchor: 'middle', size: CAPTION_FONT }, `${tick} %`),
    ),
    textAt(
      { x: (CURVE_LEFT + right) / 2, y: bottom + 2 * LINE, anchor: 'middle' },
      'share of messages that took no longer',
    ),
  ]
}

function page({ title, caption, series }: Captioned, body: { height: number; shapes: readonly string[] }): string {
  const lines = caption.flatMap((line) => brokenLines(line, Math.floor((WIDTH - 2 * MARGIN) / (CAPTION_FONT * 0.52))))
  const height = body.height + MARGIN + lines.length * CAPTION_LINE
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${px(height)}" viewBox="0 0 ${WIDTH} ${px(height)}" font-family="DejaVu Sans, Verdana, sans-serif">`,
    `<rect width="100%" height="100%" fill="#fff"/>`,
    `<text x="${MARGIN}" y="32" font-size="18" font-weight="bold">${escaped(title)}</text>`,
    ...legend(series),
    ...body.shapes,
    ...lines.map((line, i) =>
      textAt({ x: MARGIN, y: body.height + MARGIN / 2 + i * CAPTION_LINE, size: CAPTION_FONT, color: '#555' }, line),
    ),
    '</svg>\n',
  ].join('\n')
}

function legend(series: readonly Series[]): string[] {
  let x = MARGIN
  return series.map(({ name, color }) => {
    const entry = `<rect x="${px(x)}" y="46" width="12" height="12" fill="${color}"/>${textAt({ x: x + 18, y: 57 }, name)}`
    x += 18 + name.length * LETTER + 28
    return entry
  })
}

interface TextPlace {
  readonly x: number
  readonly y: number
  readonly anchor?: 'start' | 'middle' | 'end'
  readonly size?: number
  readonly color?: string
}

function textAt({ x, y, anchor = 'start', size = FONT, color = '#222' }: TextPlace, text: string): string {
  return `<text x="${px(x)}" y="${px(y)}" font-size="${size}" text-anchor="${anchor}" fill="${color}">${escaped(text)}</text>`
}

function brokenLines(text: string, lettersMax: number): string[] {
  const lines = ['']
  for (const word of text.split(' ')) {
    const longer = `${lines.at(-1)} ${word}`.trimStart()
    if (longer.length > lettersMax) lines.push(word)
    else lines[lines.length - 1] = longer
  }
  return lines
}

/** The smallest round number that is not below. */
export function niceMax(value: number): number {
  if (value <= 0) return 1
  const power = 10 ** Math.floor(Math.log10(value))
  return NICE_DIGITS.map((digit) => digit * power).find((nice) => nice >= value)!
}

/** How many nines: 0 for 0 %, 1 for 90 %, 2 for 99 %. */
function nines(percentile: number): number {
  return -Math.log10(1 - percentile / 100)
}

function isDrawn(percentile: number): boolean {
  return nines(percentile) <= NINES_MAX + 1e-9
}

function decadeOf(value: number, round: (value: number) => number): number {
  return round(Math.log10(value))
}

function px(value: number): string {
  return String(Math.round(value * 10) / 10)
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}
