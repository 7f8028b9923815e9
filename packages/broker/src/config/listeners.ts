/**
 * Where a broker listens and what it tells clients: `listeners`, `advertised.listeners`, `listener.security.protocol.map`
 * and `controller.listener.names` put together. Pure: names of hosts are not looked up.
 *
 * Controller listeners are understood and left out: this broker's controller is inside it, and nobody connects to it.
 */
import type { SecurityProtocol } from '../metadata/image.ts'
import { items } from './values.ts'

export interface Listener {
  readonly name: string
  readonly securityProtocol: SecurityProtocol
  /** Empty: all interfaces. */
  readonly bindHost: string
  /** 0: any free port. */
  readonly bindPort: number
  readonly advertisedHost: string
  /** 0: the port that was bound in the end. */
  readonly advertisedPort: number
}

export interface ListenerTexts {
  readonly listeners: string
  readonly advertisedListeners: string | null
  readonly protocolMap: string
  /** Whether somebody wrote the map: only the default one grows by the controller's listener names. */
  readonly protocolMapIsSet: boolean
  readonly controllerListenerNames: string
  /** What is advertised for a listener without a host. */
  readonly hostName: string
}

interface EndPoint {
  readonly name: string
  readonly host: string
  readonly port: number
}

const END_POINT = /^([A-Za-z0-9_.-]+):\/\/(?:\[([0-9A-Fa-f:.%]+)\]|([0-9A-Za-z\-%._]*)):(\d{1,5})$/
const PROTOCOLS: readonly string[] = ['PLAINTEXT', 'SSL', 'SASL_PLAINTEXT', 'SASL_SSL'] satisfies SecurityProtocol[]
const EVERY_ADDRESS: ReadonlySet<string> = new Set(['0.0.0.0', '::', '0:0:0:0:0:0:0:0'])

/** The client listeners in the order of `listeners`; what is wrong goes to `problems`, a sentence each. */
export function resolveListeners(texts: ListenerTexts, problems: string[]): Listener[] {
  const controllerNames = new Set(items(texts.controllerListenerNames).map((name) => name.toUpperCase()))
  const bound = endPoints('listeners', texts.listeners, problems)
  const protocols = protocolMap(texts, controllerNames, problems)
  const advertised = advertisedEndPoints(texts, problems)
  checkAdvertisedNames(advertised, { bound, controllerNames }, problems)
  const listeners: Listener[] = []
  for (const endPoint of bound) {
    if (controllerNames.has(endPoint.name)) continue
    const listener = resolve(endPoint, { advertised, protocols, hostName: texts.hostName }, problems)
    if (listener !== null) listeners.push(listener)
  }
  if (listeners.length === 0 && problems.length === 0) problems.push(NO_LISTENER)
  return listeners
}

const NO_LISTENER =
  'Cannot use "listeners": it holds controller listeners only, and clients need one, like PLAINTEXT://:9092'

function resolve(
  endPoint: EndPoint,
  known: {
    advertised: ReadonlyMap<string, EndPoint> | null
    protocols: ReadonlyMap<string, SecurityProtocol>
    hostName: string
  },
  problems: string[],
): Listener | null {
  const { name, host, port } = endPoint
  const securityProtocol = known.protocols.get(name)
  if (securityProtocol === undefined) {
    problems.push(`Cannot use listener "${name}": "listener.security.protocol.map" does not name its protocol`)
    return null
  }
  if (securityProtocol !== 'PLAINTEXT') {
    problems.push(
      `Cannot open listener "${name}": its protocol ${securityProtocol} is not supported yet, only PLAINTEXT is`,
    )
    return null
  }
  const told = known.advertised === null ? endPoint : known.advertised.get(name)
  // A listener that is not advertised is open all the same; clients that know its address are told that address.
  const advertisedHost = told === undefined ? host : told.host
  if (EVERY_ADDRESS.has(advertisedHost)) {
    const where = known.advertised === null ? 'listeners' : 'advertised.listeners'
    problems.push(
      `Cannot advertise ${advertisedHost} for listener "${name}" ("${where}"): no client can connect to it. ` +
        `Set advertised.listeners=${name}://<a host name or address that clients reach>:${port}`,
    )
    return null
  }
  return {
    ...{ name, securityProtocol, bindHost: host, bindPort: port },
    ...{ advertisedHost: advertisedHost === '' ? known.hostName : advertisedHost, advertisedPort: told?.port ?? port },
  }
}

function advertisedEndPoints(texts: ListenerTexts, problems: string[]): ReadonlyMap<string, EndPoint> | null {
  if (texts.advertisedListeners === null) return null
  const found = endPoints('advertised.listeners', texts.advertisedListeners, problems)
  return new Map(found.map((endPoint) => [endPoint.name, endPoint]))
}

function checkAdvertisedNames(
  advertised: ReadonlyMap<string, EndPoint> | null,
  known: { bound: readonly EndPoint[]; controllerNames: ReadonlySet<string> },
  problems: string[],
): void {
  const names = new Set(known.bound.map((endPoint) => endPoint.name))
  for (const name of advertised?.keys() ?? []) {
    if (names.has(name) || known.controllerNames.has(name)) continue
    problems.push(`Cannot advertise listener "${name}": "listeners" does not name it`)
  }
}

function endPoints(key: string, text: string, problems: string[]): EndPoint[] {
  const found: EndPoint[] = []
  for (const item of items(text)) {
    const match = END_POINT.exec(item)
    const port = Number(match?.[4])
    if (match === null || port > 65535) {
      problems.push(`Cannot read "${item}" in "${key}": expected NAME://host:port, like PLAINTEXT://localhost:9092`)
      continue
    }
    const endPoint = { name: match[1]!.toUpperCase(), host: match[2] ?? match[3]!, port }
    if (found.some((other) => other.name === endPoint.name))
      problems.push(`Cannot use "${key}": ${endPoint.name} is there twice`)
    else if (key === 'listeners' && port !== 0 && found.some((other) => other.port === port))
      problems.push(`Cannot use "${key}": port ${port} is there twice`)
    else found.push(endPoint)
  }
  return found
}

function protocolMap(
  texts: ListenerTexts,
  controllerNames: ReadonlySet<string>,
  problems: string[],
): ReadonlyMap<string, SecurityProtocol> {
  const protocols = new Map<string, SecurityProtocol>()
  for (const item of items(texts.protocolMap)) {
    const [name, protocol, ...more] = item.split(':').map((part) => part.trim().toUpperCase())
    if (!name || more.length > 0 || !PROTOCOLS.includes(protocol ?? '')) {
      problems.push(
        `Cannot read "${item}" in "listener.security.protocol.map": expected NAME:PROTOCOL, the protocol one of ${PROTOCOLS.join(', ')}`,
      )
      continue
    }
    protocols.set(name, protocol as SecurityProtocol)
  }
  // The default map counts the controller's listeners as plain ones, as Kafka does.
  if (!texts.protocolMapIsSet)
    for (const name of controllerNames) protocols.set(name, protocols.get(name) ?? 'PLAINTEXT')
  return protocols
}
