/**
 * The log's crash suite: logs of one broker through several lives on a disk in memory, under one seed, against models of
 * what they have to hold (log-model.ts). A life ends in a crash of the machine at a chosen operation of the disk, in the
 * death of the process alone, or in an order to stop; at the beginning of the next everything is compared.
 *
 * A disk in memory does to unsynced bytes and names what a real one may do (disk.ts). Faults come on top: a write, a
 * sync or another operation fails, the disk is full and has space again.
 */
import assert from 'node:assert/strict'
import { type Random, seededRandom } from '@ottla/base/random.ts'
import type { Partition } from '../../partition/partition.ts'
import type { Lie } from '../mortal-disk.ts'
import { ACTS, type Act, releaseLease, type Scene } from './acts.ts'
import { type EventName, Events } from './events.ts'
import { LifeEnded, LogGround, LogLife } from './log-life.ts'
import type { LogModel } from './log-model.ts'
import { checkIndexFiles, checkRecovered, checkTimestamps, type Ending } from './recovered.ts'

const LIVES = 5
const STEPS_MAX = 70
/** How far behind the beginning of a life its crash may lie: in its start, or anywhere. */
const CRASH_AFTER_OPERATIONS_MAX = [40, 150, 400]
const WEIGHTS = ACTS.reduce((sum, { weight }) => sum + weight, 0)
/** Of a failed seed's transcript, what is told. */
const LINES_TOLD = 40

export interface SeedRun {
  readonly transcript: readonly string[]
  readonly events: Events
}

/** Throws, naming the seed and with the end of the transcript, where a promise was broken. */
export async function runSeed(
  seed: string,
  options: { lie?: Lie; witness?: (line: string) => void } = {},
): Promise<SeedRun> {
  const run = new Run(seed, options)
  try {
    return await run.run()
  } catch (error) {
    const { stack, message } = error as Error
    const told = run.transcript.slice(-LINES_TOLD).join('\n')
    throw new Error(`Seed ${seed}: ${message}\n${told}\n${stack}`, { cause: error })
  }
}

/** A fault has made the broker stop: none of its directories works. */
class GaveUp extends Error {
  override readonly name = 'GaveUp'
}

interface LifePlan {
  readonly mayCrash: boolean
  readonly mayFail: boolean
  readonly steps: number
}

class Run {
  readonly transcript: string[] = []
  readonly #random: Random
  readonly #ground: LogGround
  readonly #events = new Events()
  readonly #witness: (line: string) => void
  #ending: Ending = 'nothing'
  /** Of this life, as they were when the model was last compared. */
  readonly #partitions = new Map<LogModel, Partition>()
  /** Injected and perhaps not met yet: they outlive the process, and not the machine's crash. */
  #faults = { sync: false, any: false }
  #lives = 0

  constructor(seed: string, { lie, witness = () => {} }: { lie?: Lie; witness?: (line: string) => void }) {
    this.#random = seededRandom(`run ${seed}`)
    this.#ground = new LogGround(seed, { lie: lie ?? null })
    this.#witness = witness
  }

  async run(): Promise<SeedRun> {
    for (let i = 0; i < LIVES; i++) await this.#live(this.#plan())
    // One that is left alone, and one that finds what it has left.
    await this.#live({ mayCrash: false, mayFail: false, steps: this.#random.below(STEPS_MAX) })
    await this.#live({ mayCrash: false, mayFail: false, steps: 0 })
    return { transcript: this.transcript, events: this.#events }
  }

  #plan(): LifePlan {
    const random = this.#random
    return { mayCrash: random.below(3) > 0, mayFail: random.below(3) === 0, steps: random.below(STEPS_MAX) }
  }

  async #live(plan: LifePlan): Promise<void> {
    const { disk } = this.#ground
    this.#lives++
    disk.capacityBytes = Number.MAX_SAFE_INTEGER
    if (plan.mayCrash) {
      const after = CRASH_AFTER_OPERATIONS_MAX[this.#random.below(CRASH_AFTER_OPERATIONS_MAX.length)]!
      disk.crashAtOperation(disk.operations + 1 + this.#random.below(after))
    }
    const life = new LogLife(this.#ground)
    const scene = this.#scene(life, plan)
    const progress = { phase: 'starting' as 'starting' | 'living' | 'stopping' }
    try {
      if (!(await this.#start(life))) return
      progress.phase = 'living'
      this.#partitions.clear()
      await this.#checkReopened(life)
      for (let step = 0; step < plan.steps; step++) await this.#step(scene)
      progress.phase = 'stopping'
      await this.#end(scene, plan)
    } catch (error) {
      if (!(error instanceof GaveUp) && (!life.hasCrashed || isBroken(error))) throw error
      if (progress.phase !== 'living') this.#count(`machine crashed while ${progress.phase}`)
      await this.#crash(life)
    }
    checkFailures(life)
  }

  #scene(life: LogLife, { mayFail }: LifePlan): Scene {
    const count = (event: EventName) => this.#count(event)
    return { life, random: this.#random, count, faults: this.#faults, mayFail, leases: [] }
  }

  /** False: a fault of the life before has hit the start. */
  async #start(life: LogLife): Promise<boolean> {
    try {
      await life.start()
    } catch (error) {
      if (life.hasCrashed || !isInjected(error)) throw error
      return await this.#startFailed(life)
    }
    if (this.#ground.models.some((model) => !life.isOpen(model))) return await this.#startFailed(life)
    if (life.wasCleanlyStopped && this.#ending === 'stopped') this.#count('recovered after an orderly stop')
    for (const model of this.#ground.models) {
      const { lostBatches } = await checkRecovered(life, model, this.#ending)
      if (lostBatches > 0) this.#count('unsynced batches lost')
      const { logStartOffset, logEndOffset } = life.find(model).log
      this.#note('found', `${model.name} [${logStartOffset}, ${logEndOffset}), lost ${lostBatches}`)
      await checkTimestamps(life, model, this.#random)
    }
    this.#countRecovery(life)
    return true
  }

  async #startFailed(life: LogLife): Promise<false> {
    assert.ok(this.#faults.any, 'A start without faults opens every log')
    this.#count('start failed')
    this.#note('start', 'failed')
    await this.#crash(life)
    return false
  }

  /** A log that has failed may have been opened again meanwhile, without what was not written. */
  async #checkReopened(life: LogLife): Promise<void> {
    for (const model of this.#ground.models) {
      const partition = life.find(model)
      const known = this.#partitions.get(model)
      if (known === partition || partition.isOffline) continue
      this.#partitions.set(model, partition)
      if (known === undefined) continue
      await checkRecovered(life, model, 'reopened')
      this.#count('log came back')
      this.#note('came back', `${model.name} ends at ${partition.logEndOffset}`)
    }
  }

  #countRecovery({ logger }: LogLife): void {
    for (const { message } of logger.lines) {
      if (message.startsWith('Cut the log')) this.#count('recovery cut a torn tail')
      if (message.startsWith('Removed the segments behind')) this.#count('recovery removed segments behind a gap')
    }
  }

  async #step(scene: Scene): Promise<void> {
    const { life } = scene
    const act = this.#act()
    const models = this.#ground.models
    const model = models[this.#random.below(models.length)]!
    const wereOffline = this.#offline(life)
    const outcome = await act.run(scene, model)
    this.#note(act.name, `${model.name} ${outcome}`)
    if (life.hasCrashed) throw new LifeEnded()
    await this.#checkReopened(life)
    if (life.failures.length > 0)
      throw this.#faults.any && isInjected(life.failures[0]) ? new GaveUp() : life.failures[0]
    for (const one of models) this.#checkWatermark(life, one)
    if (this.#offline(life) > wereOffline) this.#count('log went offline')
  }

  #act(): Act {
    let drawn = this.#random.below(WEIGHTS)
    for (const act of ACTS) {
      drawn -= act.weight
      if (drawn < 0) return act
    }
    throw new Error('An act is drawn')
  }

  #offline(life: LogLife): number {
    return this.#ground.models.filter((model) => life.find(model).isOffline).length
  }

  /** It never goes back, never passes an acks=all batch that is not durable, and the log's parts agree. */
  #checkWatermark(life: LogLife, model: LogModel): void {
    const partition = life.find(model)
    const { highWatermark, log } = partition
    assert.ok(highWatermark >= model.highWatermark, `${model.name}: the high watermark went back`)
    model.highWatermark = highWatermark
    model.writtenEnd = log.writtenOffset
    if (partition.isOffline) return
    if (model.isRetained && log.logStartOffset > model.startTold) this.#count('retention deleted segments')
    model.startSeen(log.logStartOffset)
    const limit = model.writeCaching ? log.writtenOffset : model.firstUnsyncedAll(log.syncedOffset)
    assert.ok(highWatermark <= limit, `${model.name}: the high watermark has passed a batch that is not durable`)
    log.verify()
  }

  async #end(scene: Scene, plan: LifePlan): Promise<void> {
    const { life, faults } = scene
    for (const held of scene.leases) releaseLease(held)
    // A process that starts anew does not know which bytes the failed sync of an earlier one has left unsure.
    if (faults.sync) return await this.#crash(life)
    const isLast = !plan.mayCrash && !plan.mayFail
    if (!isLast && this.#random.below(4) === 0) await this.#truncate(scene)
    if (!isLast && this.#random.below(3) === 0) return this.#kill(life)
    const directories = this.#ground.models.map((model) => life.find(model).log.directory)
    await this.#checkReopened(life)
    // One that is offline may come back while the broker stops, without what it has not written.
    const wereOffline = this.#offline(life) > 0
    const isWhole = await life.stop()
    assert.ok(isWhole || faults.any, 'A broker without faults is closed whole')
    this.#note('stop', isWhole ? 'whole' : 'not whole')
    this.#ending = isWhole ? (wereOffline ? 'killed' : 'stopped') : 'crashed'
    if (!isWhole) return
    this.#count('stopped in order')
    // A fault that nobody has met yet would be met by the check.
    if (!faults.any) for (const directory of directories) checkIndexFiles(this.#ground.disk, directory)
  }

  /** As a follower does that finds its end diverged; such a log begins a new life. */
  async #truncate({ life }: Scene): Promise<void> {
    const models = this.#ground.models.filter((model) => !life.find(model).isOffline)
    const model = models[this.#random.below(Math.max(1, models.length))]
    if (model === undefined) return
    this.#ground.disk.releaseSyncs()
    const { log, index, topicName } = life.find(model)
    const start = log.logStartOffset
    const offset = start + this.#random.below(log.logEndOffset - start + 1)
    const kept = model.batches.filter(({ lastOffset }) => lastOffset < offset)
    const end = Math.max(start, (kept.at(-1)?.lastOffset ?? -1) + 1)
    const { recoveryPoints } = life.directoryOf(model).checkpoints
    try {
      recoveryPoints.set(topicName, index, Math.min(recoveryPoints.get(topicName, index) ?? 0, end))
      recoveryPoints.flush()
      model.truncatingTo = end
      await life.until(log.truncateTo(offset))
    } catch (error) {
      if (life.hasCrashed || !isInjected((error as Error).cause ?? error)) throw error
      return
    }
    if (offset < model.logEndOffset) model.settle(end, start)
    model.truncatingTo = null
    this.#count('truncated')
    this.#note('truncate', `${model.name} to ${offset}: ends at ${end}`)
  }

  #kill(life: LogLife): void {
    for (const model of this.#ground.models) model.writtenEnd = life.find(model).log.writtenOffset
    life.kill()
    this.#ending = 'killed'
    this.#count('process killed')
    this.#note('kill', '')
  }

  async #crash(life: LogLife): Promise<void> {
    await life.crash()
    this.#faults = { sync: false, any: false }
    this.#ending = 'crashed'
    this.#count('machine crashed')
    this.#note('crash', '')
  }

  #count(event: EventName): void {
    this.#events.add(event)
  }

  #note(what: string, outcome: string): void {
    const line = `${this.#lives}.${this.#ground.disk.operations} ${what} ${outcome}`.trimEnd()
    this.transcript.push(line)
    this.#witness(line)
  }
}

function isBroken(error: unknown): boolean {
  return (error as Error).name === 'AssertionError'
}

/** A fault of the disk, wherever it has come through. */
function isInjected(error: unknown): boolean {
  for (let cause = error; cause instanceof Error; cause = cause.cause) if (cause.name === 'DiskError') return true
  return false
}

/** A broken assertion is a broken promise, also where a part has logged it and gone on. */
function checkFailures({ logger }: LogLife): void {
  for (const { message, fields } of logger.lines) {
    const { error } = fields as { error?: Error }
    const isOurs = error?.name === 'AssertionError' || error instanceof TypeError || error instanceof RangeError
    assert.ok(!isOurs, `${message}: ${error?.stack}`)
  }
}
