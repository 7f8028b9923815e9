/**
 * Plain numbers that a part keeps about itself and that `admin/metrics` reads when it is asked. Recording allocates
 * nothing and takes no lock. Names, labels and units are the reader's business.
 */

/** Only grows. */
export class Counter {
  value = 0

  add(amount = 1): void {
    this.value += amount
  }
}

/** Goes up and down. */
export class Gauge {
  value = 0

  set(value: number): void {
    this.value = value
  }

  add(amount: number): void {
    this.value += amount
  }
}

/** Four buckets for each doubling: a quantile is at most 19 % too high. */
const BUCKETS_PER_DOUBLING = 4
/** The first bucket ends at 2^-10, about a thousandth: a microsecond where the unit is a millisecond. */
const FIRST_EXPONENT = -10
/** The last bucket with an end reaches 2^40, about a trillion; one more holds whatever is larger. */
const LAST_EXPONENT = 40
const BUCKET_COUNT = (LAST_EXPONENT - FIRST_EXPONENT) * BUCKETS_PER_DOUBLING + 2

/** Counts values in buckets on a logarithmic scale, the same for every histogram. Negative values and NaN count as 0. */
export class Histogram {
  readonly #counts = new Float64Array(BUCKET_COUNT)
  /** Count, sum, largest: in an array because a float in a field may be allocated anew at each change. */
  readonly #totals = new Float64Array(3)

  record(value: number): void {
    const counted = Math.max(value, 0) || 0
    this.#counts[bucketOf(counted)]! += 1
    this.#totals[0]! += 1
    this.#totals[1]! += counted
    if (counted > this.#totals[2]!) this.#totals[2] = counted
  }

  get count(): number {
    return this.#totals[0]!
  }

  get sum(): number {
    return this.#totals[1]!
  }

  get max(): number {
    return this.#totals[2]!
  }

  /** The value that this share (0 to 1) of all values do not exceed, rounded up to its bucket's end; 0 when empty. */
  quantile(share: number): number {
    const wanted = Math.max(1, Math.ceil(this.count * share))
    let seen = 0
    for (let bucket = 0; bucket < BUCKET_COUNT && this.count > 0; bucket++) {
      seen += this.#counts[bucket]!
      if (seen >= wanted) return Math.min(bucketEnd(bucket), this.max)
    }
    return this.max
  }

  /** The buckets that are not empty, smallest first; `end` is inclusive, Infinity for the last one. */
  *buckets(): Generator<{ end: number; count: number }> {
    for (let bucket = 0; bucket < BUCKET_COUNT; bucket++) {
      const count = this.#counts[bucket]!
      if (count > 0) yield { end: bucketEnd(bucket), count }
    }
  }

  reset(): void {
    this.#counts.fill(0)
    this.#totals.fill(0)
  }
}

/** Bucket 0 ends at 2^FIRST_EXPONENT; a value that is exactly a bucket's end belongs to that bucket. */
function bucketOf(value: number): number {
  const bucket = Math.ceil((Math.log2(value) - FIRST_EXPONENT) * BUCKETS_PER_DOUBLING)
  return Math.min(Math.max(bucket, 0), BUCKET_COUNT - 1)
}

function bucketEnd(bucket: number): number {
  return bucket === BUCKET_COUNT - 1 ? Infinity : 2 ** (FIRST_EXPONENT + bucket / BUCKETS_PER_DOUBLING)
}
