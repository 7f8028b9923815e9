/** For tests of any level: a broker in memory behind real sockets, its operator's endpoint, and configurations. */
import { deferred } from '@ottla/base/deferred.ts'
import { NodeNetwork } from '@ottla/base/node-network.ts'
import { Broker } from '../broker.ts'
import type { BrokerConfig } from '../config.ts'
import { configFor, type StartOptions } from '../start-options.ts'

export type { Broker }

export function memoryBroker(options: Pick<StartOptions, 'settings' | 'http'> = {}): Promise<Broker> {
  return Broker.start({ storage: 'memory', port: 0, ...options })
}

export function brokerConfig(settings: { readonly [name: string]: string } = {}): BrokerConfig {
  return configFor({ settings }).config
}

export interface HttpReply {
  readonly status: number
  readonly contentType: string
  readonly body: string
}

/** One GET over a connection of its own. */
export async function httpGet(port: number, path: string): Promise<HttpReply> {
  const connection = await new NodeNetwork().connect({ host: '127.0.0.1', port, timeoutMs: 10_000 })
  const { promise, resolve } = deferred<string>()
  let text = ''
  connection.handlers = {
    onData: (bytes) => {
      text += bytes.toString()
    },
    onClose: () => resolve(text),
  }
  connection.write([Buffer.from(`GET ${path} HTTP/1.0\r\n\r\n`)])
  const [head, body] = splitOnce(await promise, '\r\n\r\n')
  const contentType = /^content-type: *(.*)$/im.exec(head)?.[1]?.trim() ?? ''
  return { status: Number(head.split(' ')[1]), contentType, body }
}

function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator)
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + separator.length)]
}
