/** Kafka answers this request by closing the connection. */
export class ConnectionCloseError extends Error {
  override readonly name = 'ConnectionCloseError'
}
