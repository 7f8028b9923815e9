/** What reader and writer share: limits, the two typed errors, the text form of a uuid. */

/** 16 bytes as base64url text without padding: always 22 characters, as Kafka prints them. */
export type Uuid = string
export const ZERO_UUID: Uuid = 'AAAAAAAAAAAAAAAAAAAAAA'

/** Elements of all arrays of one message together: 3-byte elements would else become 40 times their size in objects. */
export const elementsMax = 1_000_000
/** Java refuses longer strings in both families, so neither side of ours may carry one. */
export const stringBytesMax = 0x7fff
/** Byte fields longer than this are kept by reference for writev; shorter ones are cheaper to copy. */
export const byReferenceBytesMin = 1025

/** The bytes are not what their sender claims: the peer's fault. */
export class DecodeError extends Error {
  override readonly name = 'DecodeError'
}

/** A value does not fit the wire: ours to fix. `unsupportedVersion` when only a newer version could carry it. */
export class EncodeError extends Error {
  override readonly name = 'EncodeError'
  readonly unsupportedVersion: boolean
  constructor(message: string, options: ErrorOptions & { unsupportedVersion?: boolean } = {}) {
    super(message, options)
    this.unsupportedVersion = options.unsupportedVersion ?? false
  }
}

/** Of Node's Buffer, without the argument handling of its documented siblings. */
declare global {
  interface Buffer {
    utf8Slice(from: number, to: number): string
    utf8Write(text: string, at: number, bytes: number): number
    base64urlSlice(from: number, to: number): string
    base64urlWrite(text: string, at: number, bytes: number): number
  }
}
