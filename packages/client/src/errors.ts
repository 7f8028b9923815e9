/**
 * Owns the errors that arise between a client and its brokers. What a broker itself answered is a ProtocolError of the
 * protocol package. Each message says what was tried, what came of it, and what to do where that is known.
 */

/** The connection was lost, or closed by us, before the answer came: the request may or may not have been carried out. */
export class ConnectionClosedError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'ConnectionClosedError'
  }
}

/** No answer within the request's time: it may or may not have been carried out. */
export class RequestTimeoutError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'RequestTimeoutError'
  }
}

/** The broker speaks no version of the API that we speak, or none new enough for what was asked. */
export class UnsupportedVersionError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'UnsupportedVersionError'
  }
}

/** The other side sent what is no Kafka protocol, or an answer to nothing: the connection cannot be trusted any more. */
export class BrokenProtocolError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'BrokenProtocolError'
  }
}

/** None of the known addresses answered; `cause` is the last one's error. */
export class BrokersUnreachableError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'BrokersUnreachableError'
  }
}

/** Too much waits already: more requests or sends than the named maximum. The caller has to wait for some of them. */
export class OverloadError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'OverloadError'
  }
}

/** A record that no batch of the configured size can hold. */
export class RecordTooLargeError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'RecordTooLargeError'
  }
}

/** A record was not acknowledged within deliveryTimeoutMs; `cause` is the last error on the way. It may be stored. */
export class DeliveryTimeoutError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'DeliveryTimeoutError'
  }
}

/** A group's member took longer than processingTimeoutMs without asking for more, and has left the group. */
export class ProcessingTimeoutError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'ProcessingTimeoutError'
  }
}

/** The client, producer or consumer was disposed while this was going on. */
export class DisposedError extends Error {
  constructor(what: string) {
    super(`Cannot go on: the ${what} was disposed`)
    this.name = 'DisposedError'
  }
}
