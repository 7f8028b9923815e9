/**
 * The bytes of one file together with what a crash may still do to them.
 *
 * The unsynced past is a list of generations. One begins where a sync was asked for, at a truncation, and now and then
 * in between, as the kernel writes back when it likes. A generation keeps its size at the beginning and, of each
 * 512-byte sector that it changed first, the content at the beginning. So every sector has one version for each
 * generation and the current one, and a crash chooses among them, sector by sector. A sync that has ended drops the
 * generations before it: their versions cannot come back.
 */
import { assert } from './assert.ts'
import { ByteStore } from './byte-store.ts'
import type { Random } from './random.ts'

/** What a disk writes whole or not at all. */
export const SECTOR_BYTES = 512

/** Beyond this many, writes join the last generation. Only syncs in flight add more. */
const GENERATIONS_MAX = 16

/** One in this many writes begins a generation: the kernel may have written back just before it. */
const WRITES_PER_WRITE_BACK = 8

export interface Generation {
  readonly sizeBefore: number
  /** By sector number; a sector at or behind `sizeBefore` had no content. */
  readonly sectorsBefore: Map<number, Buffer>
}

export class CrashableBytes {
  readonly #store = new ByteStore()
  readonly #random: Random
  #generations: Generation[] = [{ sizeBefore: 0, sectorsBefore: new Map() }]
  /** What the disk has of sectors whose sync has failed and that were not written again since. */
  readonly #givenUp = new Map<number, Buffer>()

  constructor(random: Random) {
    this.#random = random
  }

  get size(): number {
    return this.#store.size
  }

  read(into: Uint8Array, position: number): number {
    return this.#store.read(into, position)
  }

  write(bytes: Uint8Array, position: number): void {
    if (this.#random.below(WRITES_PER_WRITE_BACK) === 0) this.#beginGeneration()
    this.#keepSectors(position, position + bytes.length)
    const end = position + bytes.length
    for (let at = Math.floor(position / SECTOR_BYTES); at * SECTOR_BYTES < end; at++) this.#givenUp.delete(at)
    this.#store.write(bytes, position)
  }

  truncate(size: number): void {
    this.#beginGeneration()
    this.#keepSectors(size, this.size)
    for (const sector of this.#givenUp.keys()) if (sector * SECTOR_BYTES >= size) this.#givenUp.delete(sector)
    this.#store.truncate(size)
  }

  /** A sync begins: it covers all that was written before. Answers what to give to `synced` when it has ended. */
  sealForSync(): Generation {
    const sealed = this.#generations.at(-1)!
    this.#generations.push({ sizeBefore: this.size, sectorsBefore: new Map() })
    return sealed
  }

  synced(sealed: Generation): void {
    // A later sync that ended first has covered this one as well.
    const index = this.#generations.indexOf(sealed)
    if (index >= 0) this.#generations.splice(0, index + 1)
  }

  /**
   * After a failed sync Linux takes the lost pages for clean: they can be read, and a second sync that succeeds proves
   * nothing of them, unless they were written again before it.
   */
  syncFailed(): void {
    for (const sector of this.#unsyncedSectors()) {
      if (!this.#givenUp.has(sector)) this.#givenUp.set(sector, this.#version(sector, 0))
    }
  }

  /** Drops, keeps, reorders or tears what was not synced. */
  crash(): void {
    const fate = this.#random.below(4)
    if (fate === 0) this.#goBackTo(0)
    else if (fate === 1) this.#tearAt(this.#random.below(this.#sectorsMax() + 1))
    else if (fate === 2) this.#scatter()
    this.#loseGivenUp()
    this.#generations = [{ sizeBefore: this.size, sectorsBefore: new Map() }]
  }

  #beginGeneration(): void {
    if (this.#generations.length < GENERATIONS_MAX) this.sealForSync()
  }

  #keepSectors(from: number, to: number): void {
    const { sizeBefore, sectorsBefore } = this.#generations.at(-1)!
    const end = Math.min(to, sizeBefore)
    for (let sector = Math.floor(from / SECTOR_BYTES); sector * SECTOR_BYTES < end; sector++) {
      if (!sectorsBefore.has(sector)) sectorsBefore.set(sector, this.#currentSector(sector))
    }
  }

  #loseGivenUp(): void {
    const { size } = this
    for (const [sector, content] of this.#givenUp) {
      const bytes = Math.min(SECTOR_BYTES, size - sector * SECTOR_BYTES)
      if (bytes > 0) this.#store.write(content.subarray(0, bytes), sector * SECTOR_BYTES)
    }
    this.#givenUp.clear()
  }

  #currentSector(sector: number): Buffer {
    const content = Buffer.alloc(SECTOR_BYTES)
    this.#store.read(content, sector * SECTOR_BYTES)
    return content
  }

  /** The sector's content when the generation began; the current content behind the last one. */
  #version(sector: number, generation: number): Buffer {
    for (const { sizeBefore, sectorsBefore } of this.#generations.slice(generation)) {
      const content = sectorsBefore.get(sector)
      if (content !== undefined) return content
      if (sector * SECTOR_BYTES >= sizeBefore) return Buffer.alloc(SECTOR_BYTES)
    }
    return this.#currentSector(sector)
  }

  #goBackTo(generation: number): void {
    this.#rewrite(this.#sizes()[generation]!, () => generation)
  }

  /** Everything before the sector has its newest content, everything behind its oldest. */
  #tearAt(tornSector: number): void {
    const sizes = this.#sizes()
    const newest = sizes.length - 1
    const size = Math.max(sizes[0]!, Math.min(this.size, tornSector * SECTOR_BYTES))
    this.#rewrite(size, (sector) => (sector < tornSector ? newest : 0))
  }

  /** Each sector and the size have a fate of their own. */
  #scatter(): void {
    const sizes = this.#sizes()
    this.#rewrite(sizes[this.#random.below(sizes.length)]!, () => this.#random.below(sizes.length))
  }

  #rewrite(size: number, versionOf: (sector: number) => number): void {
    for (const sector of this.#unsyncedSectors()) {
      this.#store.write(this.#version(sector, versionOf(sector)), sector * SECTOR_BYTES)
    }
    this.#store.truncate(size)
    assert(this.size === size, 'The size after a crash is not the chosen one')
  }

  /** At the beginning of each generation, and now. */
  #sizes(): number[] {
    return [...this.#generations.map((generation) => generation.sizeBefore), this.size]
  }

  #sectorsMax(): number {
    return Math.ceil(Math.max(...this.#sizes()) / SECTOR_BYTES)
  }

  #unsyncedSectors(): Set<number> {
    const sectors = new Set<number>()
    for (const { sectorsBefore } of this.#generations) for (const sector of sectorsBefore.keys()) sectors.add(sector)
    const sizeMin = Math.min(...this.#sizes())
    for (let sector = Math.floor(sizeMin / SECTOR_BYTES); sector < this.#sectorsMax(); sector++) sectors.add(sector)
    return sectors
  }
}
