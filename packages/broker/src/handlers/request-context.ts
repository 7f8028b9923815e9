/** Who sends requests over one connection, and what one of its requests carries beyond its fields. */
import type { AclOperation, Authorizer, ResourceType } from '../security/authorizer.ts'
import type { RequestContext } from './context.ts'

/** What a connection knows of its client; the software's name and version come with ApiVersions. */
export class ClientIdentity {
  readonly principal = 'User:ANONYMOUS'
  readonly listener: string
  readonly address: string
  readonly connectionId: number
  readonly #authorizer: Authorizer
  clientId = ''
  softwareName = 'unknown'
  softwareVersion = 'unknown'
  #closing: AbortController | null = null
  #isClosed = false

  constructor(options: { listener: string; address: string; connectionId: number; authorizer: Authorizer }) {
    this.listener = options.listener
    this.address = options.address
    this.connectionId = options.connectionId
    this.#authorizer = options.authorizer
  }

  /** Made when first asked for: most connections never wait. */
  get closed(): AbortSignal {
    this.#closing ??= new AbortController()
    if (this.#isClosed) this.#closing.abort()
    return this.#closing.signal
  }

  abortClosed(): void {
    this.#isClosed = true
    this.#closing?.abort()
  }

  authorize(operation: AclOperation, type: ResourceType, name: string): boolean {
    return this.#authorizer.authorize(this.principal, operation, type, name)
  }
}

export class ClientRequestContext implements RequestContext {
  readonly #client: ClientIdentity
  readonly apiVersion: number
  readonly clientId: string
  readonly receivedMs: number

  constructor(client: ClientIdentity, request: { apiVersion: number; clientId: string; receivedMs: number }) {
    this.#client = client
    this.apiVersion = request.apiVersion
    this.clientId = request.clientId
    this.receivedMs = request.receivedMs
  }

  get principal(): string {
    return this.#client.principal
  }
  get listener(): string {
    return this.#client.listener
  }
  get clientAddress(): string {
    return this.#client.address
  }
  get clientSoftwareName(): string {
    return this.#client.softwareName
  }
  get clientSoftwareVersion(): string {
    return this.#client.softwareVersion
  }
  get connectionId(): number {
    return this.#client.connectionId
  }
  get closed(): AbortSignal {
    return this.#client.closed
  }
  authorize(operation: AclOperation, type: ResourceType, name: string): boolean {
    return this.#client.authorize(operation, type, name)
  }
  identify(softwareName: string, softwareVersion: string): void {
    this.#client.softwareName = softwareName
    this.#client.softwareVersion = softwareVersion
  }
}
