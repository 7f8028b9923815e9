/**
 * What is used of @grpc/grpc-js, and nothing else of it: its own declarations bring those of a compiler for .proto files
 * along, which we do not load either.
 */
declare module '@grpc/grpc-js' {
  export interface ServiceError extends Error {
    readonly code: number
    readonly details: string
  }
  export interface Call {
    cancel(): void
  }
  export interface Duplex<Request, Response> extends AsyncIterable<Response>, Call {
    write(request: Request): boolean
    end(): void
    destroy(): void
    on(event: 'error', listener: (error: ServiceError) => void): this
  }
  export class Metadata {
    set(key: string, value: string): void
  }
  export interface CallOptions {
    readonly deadline?: number
  }
  export class ChannelCredentials {
    private constructor()
  }
  export const credentials: {
    createInsecure(): ChannelCredentials
    createSsl(ca: Buffer | null, key: Buffer | null, cert: Buffer | null): ChannelCredentials
  }
  export class Client {
    constructor(address: string, credentials: ChannelCredentials, options: { readonly [name: string]: number | string })
    waitForReady(deadline: number, callback: (error?: Error) => void): void
    makeUnaryRequest<Request, Response>(
      path: string,
      serialize: (request: Request) => Buffer,
      deserialize: (bytes: Buffer) => Response,
      request: Request,
      metadata: Metadata,
      options: CallOptions,
      callback: (error: ServiceError | null, response?: Response) => void,
    ): Call
    makeBidiStreamRequest<Request, Response>(
      path: string,
      serialize: (request: Request) => Buffer,
      deserialize: (bytes: Buffer) => Response,
      metadata: Metadata,
      options: CallOptions,
    ): Duplex<Request, Response>
    close(): void
  }
}
