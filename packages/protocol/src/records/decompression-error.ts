/** Owns the one error that all codecs raise on input which they will not or cannot decompress. */

/** 'too-large': over the caller's bound, or claims to be; 'corrupt': not what its codec writes. */
export type DecompressionErrorKind = 'too-large' | 'corrupt'

export class DecompressionError extends Error {
  override readonly name = 'DecompressionError'
  readonly kind: DecompressionErrorKind
  /** The codec's name, or 'unknown' for a number that names none. */
  readonly codec: string

  constructor(
    codec: string,
    kind: DecompressionErrorKind,
    detail?: { readonly reason?: string; readonly cause?: unknown },
  ) {
    const reason = detail?.reason ?? (kind === 'too-large' ? 'it is larger than allowed' : 'it is corrupt')
    super(`Cannot decompress ${codec} records: ${reason}`, detail?.cause === undefined ? {} : { cause: detail.cause })
    this.kind = kind
    this.codec = codec
  }
}

/** Stops a decompression that would give more than maxBytes. */
export function refuseOver(codec: string, bytes: number, maxBytes: number): void {
  if (bytes <= maxBytes) return
  throw new DecompressionError(codec, 'too-large', { reason: `${bytes} bytes or more, ${maxBytes} allowed` })
}
