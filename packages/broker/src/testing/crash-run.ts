/**
 * For crash tests: a whole run under one seed. Some lives end in a crash of the machine at a chosen operation of the
 * disk, some in the death of the process alone, some in an order to stop; the last ends in order, and one more looks at
 * what it has left.
 */
import assert from 'node:assert/strict'
import { type Random, seededRandom } from '@ottla/base/random.ts'
import { CrashGround, Life, LifeEnded } from './crash-life.ts'
import { CrashWorkload } from './crash-workload.ts'
import type { Lie } from './mortal-disk.ts'

const LIVES = 5
const STEPS_MAX = 120
/** How far behind the beginning of a life its crash may lie: in its start, or anywhere. */
const CRASH_AFTER_OPERATIONS_MAX = [40, 150, 600]

export interface CrashRun {
  /** Each crash: in which life, at which operation of the disk. */
  readonly crashPoints: readonly string[]
  readonly transcript: readonly string[]
  readonly acknowledgedBatches: number
}

export interface CrashRunOptions {
  readonly lie?: Lie
  /** Told what happens, as it happens. */
  readonly witness?: (line: string) => void
}

/** Throws, naming the seed, where a promise was broken. */
export async function crashRun(seed: string, options: CrashRunOptions = {}): Promise<CrashRun> {
  const run = new Run(seed, options)
  try {
    return await run.run()
  } catch (error) {
    throw new Error(`Crash seed ${seed}: ${(error as Error).message}`, { cause: error })
  }
}

class Run {
  readonly #random: Random
  readonly #ground: CrashGround
  readonly #workload: CrashWorkload
  readonly #crashPoints: string[] = []
  /** Since the last life that a client has talked to. */
  #machineCrashed = false

  constructor(seed: string, { lie, witness = () => {} }: CrashRunOptions) {
    this.#random = seededRandom(`run ${seed}`)
    this.#ground = new CrashGround(seed, { lie: lie ?? null })
    this.#workload = new CrashWorkload(seed, { witness })
  }

  async run(): Promise<CrashRun> {
    for (let life = 0; life < LIVES; life++) await this.#live({ mayCrash: true })
    await this.#live({ mayCrash: false })
    await this.#live({ mayCrash: false })
    this.#checkDirectories()
    const { transcript, acknowledgedBatches } = this.#workload
    return { crashPoints: this.#crashPoints, transcript, acknowledgedBatches }
  }

  async #live({ mayCrash }: { mayCrash: boolean }): Promise<void> {
    const { disk } = this.#ground
    const crashAt = disk.operations + 1 + this.#random.below(this.#crashAfterMax())
    if (mayCrash) disk.crashAtOperation(crashAt)
    const life = Life.begin(this.#ground)
    try {
      await life.start()
      await this.#workload.begin(life, { machineCrashed: this.#machineCrashed })
      this.#machineCrashed = false
      const steps = mayCrash ? this.#random.below(STEPS_MAX) : 0
      for (let step = 0; step < steps; step++) await this.#workload.step()
      if (!mayCrash) await this.#workload.finish()
      if (mayCrash && this.#random.below(3) === 0) life.kill()
      else await life.stop()
      life.checkLog()
    } catch (error) {
      if (!life.hasCrashed) throw error
      // A promise that breaks in the moment of the crash is broken all the same.
      if (!(error instanceof LifeEnded)) throw error
      this.#machineCrashed = true
      this.#crashPoints.push(`${this.#crashPoints.length}: ${crashAt}`)
      await life.crash()
    }
  }

  #crashAfterMax(): number {
    return CRASH_AFTER_OPERATIONS_MAX[this.#random.below(CRASH_AFTER_OPERATIONS_MAX.length)]!
  }

  /** What is left of deleted topics is put aside or on its way out, and nothing is missing. */
  #checkDirectories(): void {
    const { disk, logDirectories } = this.#ground
    const names = logDirectories.flatMap((path) => disk.list(path).filter(({ isDirectory }) => isDirectory))
    const partitions = names.map(({ name }) => name).filter((name) => !name.endsWith('-stray'))
    assert.deepEqual(partitions.sort(), this.#workload.directoryNames.sort())
  }
}
