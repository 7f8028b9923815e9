/** Owns the text form of broker addresses: `host:port`, comma-separated, IPv6 in brackets. */

/** A text that names no broker. */
export class AddressError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'AddressError'
  }
}

export interface Address {
  readonly host: string
  readonly port: number
}

export const DEFAULT_PORT = 9092
/** More bootstrap addresses than this are a mistake. */
export const BOOTSTRAP_ADDRESSES_MAX = 1000

/** `a:9092,[::1]:9093,b` → addresses in order; the port is 9092 where left out. Throws AddressError on anything else. */
export function parseBootstrap(list: string): Address[] {
  const texts = list.split(',').map((text) => text.trim())
  const addresses = texts.filter((text) => text.length > 0).map(parseAddress)
  if (addresses.length === 0) throw new AddressError(`"${list}" names no broker: give HOST:PORT[,HOST:PORT…]`)
  if (addresses.length > BOOTSTRAP_ADDRESSES_MAX)
    throw new AddressError(`More than ${BOOTSTRAP_ADDRESSES_MAX} addresses`)
  return addresses
}

export function addressText(address: Address): string {
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`
}

function parseAddress(text: string): Address {
  const match = /^(?:\[([0-9a-fA-F:.%\w]+)\]|([^:[\]\s/]+))(?::(\d{1,5}))?$/.exec(text)
  const host = match?.[1] ?? match?.[2]
  const port = match?.[3] === undefined ? DEFAULT_PORT : Number(match[3])
  if (host === undefined || port < 1 || port > 65535) {
    throw new AddressError(`"${text}" is no broker address: give HOST:PORT, an IPv6 host in brackets as in [::1]:9092`)
  }
  return { host, port }
}
