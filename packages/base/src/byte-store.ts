/**
 * The bytes of one file in memory, in chunks: an append never copies what is there, and what was never written costs
 * nothing and reads as zeros.
 */

const CHUNK_BYTES = 128 * 1024
/** The chunk of a small file starts with this and doubles, as a broker has thousands of nearly empty files. */
const CHUNK_BYTES_MIN = 512

export class ByteStore {
  #chunks: (Buffer | undefined)[] = []
  #size = 0

  get size(): number {
    return this.#size
  }

  write(bytes: Uint8Array, position: number): void {
    for (let done = 0; done < bytes.length; ) {
      const offset = (position + done) % CHUNK_BYTES
      const count = Math.min(bytes.length - done, CHUNK_BYTES - offset)
      this.#chunkFor(position + done, offset + count).set(bytes.subarray(done, done + count), offset)
      done += count
    }
    if (bytes.length > 0) this.#size = Math.max(this.#size, position + bytes.length)
  }

  /** Fills `into` from `position`; answers how many bytes there were before the end. */
  read(into: Uint8Array, position: number): number {
    const total = Math.max(0, Math.min(into.length, this.#size - position))
    for (let done = 0; done < total; ) {
      const offset = (position + done) % CHUNK_BYTES
      const count = Math.min(total - done, CHUNK_BYTES - offset)
      const part = this.#chunks[Math.floor((position + done) / CHUNK_BYTES)]?.subarray(offset, offset + count)
      if (part !== undefined) into.set(part, done)
      into.fill(0, done + (part?.length ?? 0), done + count)
      done += count
    }
    return total
  }

  /** Cuts, or grows with zeros. */
  truncate(size: number): void {
    if (size < this.#size) {
      this.#chunks.length = Math.min(this.#chunks.length, Math.ceil(size / CHUNK_BYTES))
      // What lies behind the end must read as zeros when the file grows again.
      if (size % CHUNK_BYTES !== 0) this.#chunks[Math.floor(size / CHUNK_BYTES)]?.fill(0, size % CHUNK_BYTES)
    }
    this.#size = size
  }

  #chunkFor(position: number, bytes: number): Buffer {
    const index = Math.floor(position / CHUNK_BYTES)
    const chunk = this.#chunks[index]
    if (chunk !== undefined && chunk.length >= bytes) return chunk
    const grown = Buffer.alloc(index > 0 ? CHUNK_BYTES : chunkCapacity(bytes))
    if (chunk !== undefined) grown.set(chunk)
    while (this.#chunks.length < index) this.#chunks.push(undefined)
    this.#chunks[index] = grown
    return grown
  }
}

function chunkCapacity(bytes: number): number {
  let capacity = CHUNK_BYTES_MIN
  while (capacity < bytes) capacity *= 2
  return capacity
}
