/**
 * Crashes, elections and slow disks at random moments against a model that knows every state there ever was: no answer,
 * of a write or of a read, is given that a crash takes back, and what is loaded is a state that live machines had.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Random, seededRandom } from '@ottla/base/random.ts'
import { CoordinatorWorld, recordOf, type ToyMachine, textOf } from '../testing/coordinator-world.ts'
import { answer, step } from './machine.ts'

const SEEDS = 60
const ACTS = 150
const KEYS = 5

/** The states that one life can have: those of the log it found, and one for each step since. */
class Model {
  /** Of each number of steps, what the machine says then. */
  #states: string[] = ['']
  /** The number of steps that somebody was told of. */
  #toldOf = 0
  writes = 0
  reads = 0

  get steps(): number {
    return this.#states.length - 1
  }

  applied(text: string): void {
    this.#states.push(text)
  }

  told(steps: number): void {
    this.#toldOf = Math.max(this.#toldOf, steps)
  }

  /** Nothing that was told is missing, and nothing is there that never was. */
  loaded(text: string, seed: number): void {
    const steps = this.#states.lastIndexOf(text)
    assert.ok(steps >= 0, `seed ${seed}: the machine never was in the state "${text}"`)
    assert.ok(steps >= this.#toldOf, `seed ${seed}: ${steps} steps are there, somebody was told of ${this.#toldOf}`)
    this.#states = this.#states.slice(0, steps + 1)
  }
}

class Run {
  readonly seed: number
  readonly random: Random
  readonly model = new Model()
  readonly world: CoordinatorWorld
  #life = 0
  #epoch = 0

  constructor(seed: number) {
    this.seed = seed
    this.random = seededRandom(`run ${seed}`)
    const syncDelayMs = (random: Random) => random.below(8)
    this.world = new CoordinatorWorld({ seed, syncDelayMs, codec: seed % 3 === 0 ? 'gzip' : 'none' })
  }

  async begin(): Promise<void> {
    this.#life++
    await this.world.restart({ leaderEpoch: this.#epoch })
    this.model.loaded(textOf(this.world.machine()), this.seed)
  }

  /** One to three records in one step, some of them tombstones; every state differs from all others by its count. */
  write(): void {
    const count = this.model.steps + 1
    const records = Array.from({ length: this.random.below(3) }, () => {
      const value = this.random.below(4) === 0 ? null : `${count}`
      return recordOf(`k${this.random.below(KEYS)}`, value)
    })
    const submitted = this.world.runtime.submit<number>(0, (_machine, ticket) =>
      step({ records: [...records, recordOf('count', `${count}`)], answers: [answer(ticket, count)] }),
    )
    // Refused while the shard loads: then it was not applied.
    if (textOf(this.#served()).includes(`count=${count}`)) this.model.applied(textOf(this.#served()))
    this.#note(submitted, () => this.model.writes++)
  }

  read(): void {
    const read = this.world.runtime.read(0, (machine) => Number(machine.values.get('count') ?? 0))
    this.#note(read, () => this.model.reads++)
  }

  async crash(): Promise<void> {
    this.world.disk.crash()
    await this.begin()
  }

  async stop(): Promise<void> {
    await this.world.stop()
    await this.begin()
  }

  async elect(): Promise<void> {
    this.#epoch++
    this.world.publish({ leaderEpoch: this.#epoch })
    if (this.random.below(2) === 0) return
    await this.world.loaded()
    this.model.loaded(textOf(this.world.machine()), this.seed)
  }

  async act(): Promise<void> {
    const choice = this.random.below(100)
    if (choice < 50) this.write()
    else if (choice < 75) this.read()
    else if (choice < 85) this.world.time.turn()
    else if (choice < 94) await this.world.time.run(this.random.below(6))
    else if (choice < 96) await this.elect()
    else if (choice < 97) await this.stop()
    else await this.crash()
  }

  /** The machine that decides at the moment; an empty one while none is loaded. */
  #served(): { readonly values: ReadonlyMap<string, string> } & ToyMachine {
    const [machine] = this.world.runtime.machines()
    return machine ?? this.world.makeMachine(0)
  }

  /** What an earlier life is told after its crash, nobody hears. */
  #note(promise: Promise<number>, count: () => void): void {
    const life = this.#life
    promise.then(
      (steps) => {
        if (life !== this.#life) return
        count()
        this.model.told(steps)
      },
      () => {},
    )
  }
}

test('no answer is given that a crash takes back, and replay finds a state that was', async () => {
  let [writes, reads] = [0, 0]
  for (let seed = 0; seed < SEEDS; seed++) {
    const run = new Run(seed)
    await run.begin()
    for (let act = 0; act < ACTS; act++) await run.act()
    await run.crash()
    writes += run.model.writes
    reads += run.model.reads
  }
  assert.ok(writes > SEEDS * 10 && reads > SEEDS * 5, `${writes} writes and ${reads} reads were answered`)
})

test('at whichever operation of the disk the machine stops, what was answered is there', async () => {
  for (let point = 1; point <= 60; point++) {
    const run = new Run(point)
    await run.begin()
    run.world.disk.crashAtOperation(run.world.disk.operations + point)
    for (let act = 0; act < 60; act++) {
      if (run.random.below(2) === 0) run.write()
      else run.read()
      if (run.random.below(3) === 0) await run.world.time.run(run.random.below(10))
    }
    await run.crash()
  }
})
