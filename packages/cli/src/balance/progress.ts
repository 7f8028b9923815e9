/** Owns how an execution's standing looks: one changing line on a terminal, elsewhere a line now and then. */
import type { Clock } from '@ottla/base/clock.ts'
import type { StandardStreams } from '@ottla/base/standard-streams.ts'
import { bytesText } from '../output.ts'
import type { Standing } from './execution.ts'

const BAR_WIDTH = 24
const LINE_INTERVAL_MS = 10_000

export class BalanceProgress {
  readonly #streams: StandardStreams
  readonly #clock: Clock
  readonly #startMs: number
  #lineMs = Number.NEGATIVE_INFINITY
  #isShown = false

  constructor(streams: StandardStreams, clock: Clock) {
    this.#streams = streams
    this.#clock = clock
    this.#startMs = clock.monotonicMs()
  }

  update(standing: Standing): void {
    const nowMs = this.#clock.monotonicMs()
    const text = standingText(standing, (nowMs - this.#startMs) / 1000)
    if (this.#streams.errorIsTerminal) {
      this.#streams.writeError(`\r\x1b[2K${bar(standing)} ${text}`)
      this.#isShown = true
    } else if (nowMs - this.#lineMs >= LINE_INTERVAL_MS) {
      this.#lineMs = nowMs
      this.#streams.writeError(`${text}\n`)
    }
  }

  /** Takes the changing line away. */
  clear(): void {
    if (this.#isShown) this.#streams.writeError('\r\x1b[2K')
    this.#isShown = false
  }
}

export function standingText({ movesDone, moves, bytesDone, bytes }: Standing, seconds: number): string {
  const rate = seconds > 0 ? bytesDone / seconds : 0
  const left = rate > 0 && bytesDone < bytes ? `, ${durationText((bytes - bytesDone) / rate)} left` : ''
  return `${movesDone} of ${moves} moves, ${bytesText(Math.round(bytesDone))} of ${bytesText(bytes)}, ${bytesText(Math.round(rate))}/s${left}`
}

function bar({ movesDone, moves, bytesDone, bytes }: Standing): string {
  const share = bytes > 0 ? bytesDone / bytes : movesDone / Math.max(1, moves)
  const full = Math.round(Math.min(1, share) * BAR_WIDTH)
  return `[${'#'.repeat(full)}${'.'.repeat(BAR_WIDTH - full)}]`
}

function durationText(seconds: number): string {
  if (seconds < 90) return `${Math.ceil(seconds)} s`
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`
}
