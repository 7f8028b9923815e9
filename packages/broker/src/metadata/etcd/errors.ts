/** What can go wrong between us and etcd, told apart by what may be done about it. */

/** The codes of gRPC that etcd's answers are told apart by. */
export const GRPC_CODE = {
  cancelled: 1,
  unknown: 2,
  deadlineExceeded: 4,
  notFound: 5,
  resourceExhausted: 8,
  failedPrecondition: 9,
  outOfRange: 11,
  internal: 13,
  unavailable: 14,
  unauthenticated: 16,
} as const

/** An answer of etcd, or of the way to it, that is not the one that was asked for. */
export class EtcdError extends Error {
  override readonly name = 'EtcdError'
  readonly code: number
  readonly details: string

  constructor(endpoint: string, { code, details }: { code: number; details: string }) {
    super(`etcd at ${endpoint}: ${details}`)
    this.code = code
    this.details = details
  }

  /** Another member, or this one later, may answer; whether a change was made is not known. */
  get isTransient(): boolean {
    return (
      TRANSIENT.has(this.code) || (this.code === GRPC_CODE.resourceExhausted && /too many requests/.test(this.details))
    )
  }

  get isOutOfSpace(): boolean {
    return this.code === GRPC_CODE.resourceExhausted && /space exceeded/.test(this.details)
  }

  get isCompacted(): boolean {
    return this.code === GRPC_CODE.outOfRange && /compacted/.test(this.details)
  }

  get isFutureRevision(): boolean {
    return this.code === GRPC_CODE.outOfRange && /future revision/.test(this.details)
  }

  get isLeaseGone(): boolean {
    return this.code === GRPC_CODE.notFound && /lease not found/.test(this.details)
  }

  /** A token has run out, or accounts were changed; nothing was done. */
  get isTokenRefused(): boolean {
    return this.code === GRPC_CODE.unauthenticated || /auth token|old revision|user name is empty/.test(this.details)
  }

  /** The token with which it was asked counts no more; with a new one the same may go through. */
  get isTokenStale(): boolean {
    return /auth token|old revision/.test(this.details)
  }
}

const TRANSIENT: ReadonlySet<number> = new Set([
  GRPC_CODE.cancelled,
  GRPC_CODE.unknown,
  GRPC_CODE.deadlineExceeded,
  GRPC_CODE.failedPrecondition,
  GRPC_CODE.internal,
  GRPC_CODE.unavailable,
])
