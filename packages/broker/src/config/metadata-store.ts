/**
 * Where the metadata are kept: the value of `metadata.store`, as a place. Owns its form; the store itself is
 * `metadata/`'s.
 *
 *   embedded
 *   etcd://[user:password@]host:port[,host:port …][/prefix][?name=value[&name=value …]]
 *   etcds://…   the same over TLS
 *
 *   ca, cert, key    (etcds only) PEM files: whom to trust, instead of the certificates that Node trusts; who we are
 *   user             to sign in as, instead of in front of the hosts
 *   password-file    a file whose first line is the password, which else stands behind the user
 *   compact          true: this cluster may compact etcd's history, which other programs' watches may need
 */
export type MetadataStorePlace = { readonly type: 'embedded' } | EtcdPlace

export interface EtcdPlace {
  readonly type: 'etcd'
  /** HOST:PORT of each member. */
  readonly addresses: readonly string[]
  /** With '/' in front, without one at its end. */
  readonly prefix: string
  readonly compacts: boolean
  /** Paths. */
  readonly tls: { readonly ca: string | null; readonly cert: string | null; readonly key: string | null } | null
  readonly account: { readonly user: string; readonly password: { text: string } | { file: string } } | null
}

/** Why the text names no place, as the end of a sentence. Never repeats a password. */
export class MetadataStoreProblem extends Error {
  override readonly name = 'MetadataStoreProblem'
}

const FORM = 'etcd://host:port,host:port/prefix'
const PREFIX_DEFAULT = '/ottla'
const PORT_DEFAULT = 2379
const HOSTS_MAX = 16
const URL_FORM = /^(etcds?):\/\/(?:([^/?@]*)@)?([^/?@]+)(\/[^?]*)?(?:\?(.*))?$/
const OPTIONS = ['ca', 'cert', 'key', 'user', 'password-file', 'compact']

/** Throws MetadataStoreProblem. */
export function metadataStorePlace(text: string): MetadataStorePlace {
  if (text === 'embedded') return { type: 'embedded' }
  const match = URL_FORM.exec(text)
  if (match === null) throw new MetadataStoreProblem(`expected embedded or ${FORM}`)
  const [, scheme, credentials, hosts, path, query] = match
  const options = optionsOf(query ?? '')
  return {
    type: 'etcd',
    addresses: addressesOf(hosts!),
    prefix: prefixOf(path ?? ''),
    compacts: compactsOf(options.get('compact')),
    tls: tlsOf(scheme === 'etcds', options),
    account: accountOf(credentials, options),
  }
}

function optionsOf(query: string): ReadonlyMap<string, string> {
  const options = new Map<string, string>()
  for (const [name, value] of new URLSearchParams(query)) {
    if (!OPTIONS.includes(name)) {
      throw new MetadataStoreProblem(`there is no option "${name}"; there are ${OPTIONS.join(', ')}`)
    }
    if (options.has(name)) throw new MetadataStoreProblem(`the option "${name}" comes twice`)
    if (value === '') throw new MetadataStoreProblem(`the option "${name}" is empty`)
    options.set(name, value)
  }
  return options
}

function addressesOf(text: string): string[] {
  const hosts = text.split(',')
  if (hosts.length > HOSTS_MAX) throw new MetadataStoreProblem(`there are more than ${HOSTS_MAX} hosts`)
  const addresses = hosts.map(addressOf)
  if (new Set(addresses).size !== addresses.length) throw new MetadataStoreProblem('a host comes twice')
  return addresses
}

function addressOf(text: string): string {
  const match = /^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::(\d{1,5}))?$/.exec(text)
  const port = Number(match?.[2] ?? PORT_DEFAULT)
  if (match === null || port < 1 || port > 65_535) {
    throw new MetadataStoreProblem(`"${text}" is not of the form host:port`)
  }
  return `${match[1]}:${port}`
}

function prefixOf(path: string): string {
  const prefix = decoded(path).replace(/\/+$/, '')
  if (/\/\/|[~\s]/.test(prefix)) throw new MetadataStoreProblem(`"${prefix}" cannot be a prefix`)
  return prefix === '' ? PREFIX_DEFAULT : prefix
}

function compactsOf(text: string | undefined): boolean {
  if (text !== undefined && text !== 'true' && text !== 'false') {
    throw new MetadataStoreProblem(`expected compact=true or compact=false, found compact=${text}`)
  }
  return text === 'true'
}

function tlsOf(isSecure: boolean, options: ReadonlyMap<string, string>): EtcdPlace['tls'] {
  const [ca = null, cert = null, key = null] = ['ca', 'cert', 'key'].map((name) => options.get(name))
  if (!isSecure) {
    if (ca === null && cert === null && key === null) return null
    throw new MetadataStoreProblem('ca, cert and key are for etcds://, which is etcd over TLS')
  }
  if ((cert === null) !== (key === null)) throw new MetadataStoreProblem('cert and key go together')
  return { ca, cert, key }
}

function accountOf(credentials: string | undefined, options: ReadonlyMap<string, string>): EtcdPlace['account'] {
  const [name = '', ...rest] = (credentials ?? '').split(':')
  const password = rest.length === 0 ? null : decoded(rest.join(':'))
  const [user, file] = [options.get('user') ?? decoded(name), options.get('password-file')]
  if (options.has('user') && name !== '') throw new MetadataStoreProblem('there are two users')
  if (file !== undefined && password !== null) throw new MetadataStoreProblem('there are two passwords')
  if (user === '' && file === undefined && password === null) return null
  if (user === '') throw new MetadataStoreProblem('there is a password without a user')
  if (file !== undefined) return { user, password: { file } }
  if (password === null) throw new MetadataStoreProblem(`user "${user}" has neither password nor password-file`)
  return { user, password: { text: password } }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new MetadataStoreProblem('a % is not followed by two hexadecimal digits')
  }
}
