/**
 * Owns latencies as a distribution: a generator's file of samples goes into Node's HdrHistogram, of which a fixed list of
 * percentiles is kept, so that repetitions and contestants can be laid over each other.
 */
import { createHistogram } from 'node:perf_hooks'
import { assert } from '@ottla/base/assert.ts'
import type { Disk } from '@ottla/base/disk.ts'

export interface LatencyPoint {
  /** 0 to 100. */
  readonly percentile: number
  readonly ms: number
}

/** Three digits of a value are kept. */
const FIGURES = 3
const HIGHEST_NS = 600e9
const NS_PER_MS = 1e6
const PERCENTILES = [1, 10, 25, 50, 75, 90, 95, 99, 99.5, 99.9, 99.95, 99.99, 100]

/** The file is text: a line for each sample, in whole nanoseconds from when the message was due to be sent. */
export function readLatencies(disk: Disk, path: string): LatencyPoint[] {
  return latenciesOf(disk.readFile(path).toString().trimEnd().split('\n').map(Number))
}

export function latenciesOf(samplesNs: readonly number[]): LatencyPoint[] {
  const histogram = createHistogram({ lowest: 1, highest: HIGHEST_NS, figures: FIGURES })
  // Nothing is received before it is due but by the grain of a clock.
  for (const ns of samplesNs) histogram.record(Math.max(1, Math.round(ns)))
  assert(histogram.count === samplesNs.length, 'Every latency is counted')
  return PERCENTILES.map((percentile) => ({ percentile, ms: histogram.percentile(percentile) / NS_PER_MS }))
}

/** Of a percentile that is kept. */
export function latencyMs(points: readonly LatencyPoint[], percentile: number): number {
  const point = points.find((one) => one.percentile === percentile)
  assert(point !== undefined, `Percentile ${percentile} is kept`)
  return point.ms
}
