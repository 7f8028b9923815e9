/**
 * Bytes in and out: the primitive encodings of Kafka's protocol (big-endian), bounds-checked in both directions.
 * `Reader` never copies and throws nothing but DecodeError, whatever the input; `Writer` throws EncodeError for values
 * that the wire cannot carry. Which field uses which encoding is the business of the tables (`codec.ts`).
 *
 * Two families encode what has a length. Classic: int16 (strings) or int32 (bytes, arrays), -1 for null.
 * Compact (flexible versions): an unsigned varint of length + 1, 0 for null.
 */

export { Reader } from './reader.ts'
export {
  byReferenceBytesMin,
  DecodeError,
  EncodeError,
  elementsMax,
  stringBytesMax,
  type Uuid,
  ZERO_UUID,
} from './wire.ts'
export { Writer } from './writer.ts'
