/** One row of a configuration table, and the words in which the tables are written. Owns no table and no value. */

export type ConfigType = 'boolean' | 'string' | 'int' | 'short' | 'long' | 'double' | 'list' | 'class' | 'password'
export type Importance = 'high' | 'medium' | 'low'
/**
 * Who may change the value while the broker runs: nobody; the resource of one broker; or that and the default of all.
 */
export type UpdateMode = 'read-only' | 'per-broker' | 'cluster-wide'

export interface ConfigKey {
  readonly name: string
  readonly type: ConfigType
  /** As DescribeConfigs shows it; null: no value. Kafka's 9223372036854775807 is why this is text. */
  readonly defaultValue: string | null
  readonly importance: Importance
  readonly updateMode: UpdateMode
  readonly valid: ValidValues
  /** Kafka refuses to start without it. */
  readonly required: boolean
  /** Never told to anybody. */
  readonly sensitive: boolean
  /** Left out of DescribeConfigs unless it is set. */
  readonly internal: boolean
  /** Of a topic's key: the broker's keys that stand in for it, the first that is set wins. */
  readonly brokerSynonyms: readonly BrokerSynonym[]
  /** Of a group's key: the broker's keys that give its default and its bounds. */
  readonly defaultFrom?: string
  readonly minFrom?: string
  readonly maxFrom?: string
}

export interface BrokerSynonym {
  readonly name: string
  /** The broker's key counts these, the topic's milliseconds. */
  readonly unit?: 'minutes' | 'hours'
}

export interface ValidValues {
  /** Both inclusive. */
  readonly min?: number
  readonly max?: number
  /** Allowed outside of the range. */
  readonly also?: readonly number[]
  readonly oneOf?: readonly string[]
  readonly caseInsensitive?: boolean
  readonly nonEmpty?: boolean
  readonly nonNull?: boolean
  /** Of a list; without it items are not checked. */
  readonly list?: ListRule
  readonly form?: ValueForm
}

export interface ListRule {
  readonly emptyAllowed: boolean
  readonly nullAllowed: boolean
  readonly itemOneOf?: readonly string[]
}

/** Shapes that need code to be checked: see `values.ts`. */
export type ValueForm =
  | 'host:port list'
  | 'voter list'
  | 'throttled replicas'
  | 'share offset reset'
  | 'client metrics match'

/** What a row may say besides its name, type and default. */
export interface RowOptions {
  readonly importance?: Importance
  readonly update?: UpdateMode
  readonly valid?: ValidValues
  readonly min?: number
  readonly max?: number
  readonly required?: true
  readonly sensitive?: true
  readonly internal?: true
  readonly from?: readonly (string | BrokerSynonym)[]
  readonly defaultFrom?: string
  readonly minFrom?: string
  readonly maxFrom?: string
}

/** Lists without duplicates and without empty items, as Kafka checks most of its lists. */
export const anyItems = { list: { emptyAllowed: true, nullAllowed: false } } as const satisfies ValidValues
export const someItems = { list: { emptyAllowed: false, nullAllowed: false } } as const satisfies ValidValues
export const someItemsOrNull = { list: { emptyAllowed: false, nullAllowed: true } } as const satisfies ValidValues
export const anyItemsOrNull = { list: { emptyAllowed: true, nullAllowed: true } } as const satisfies ValidValues

type Row = (name: string, defaultValue: string | null, options?: RowOptions) => ConfigKey

const row =
  (type: ConfigType): Row =>
  (name, defaultValue, options = {}) => {
    const { importance = 'medium', update = 'read-only', valid = {}, min, max, from = [], ...rest } = options
    const { required = false, sensitive = false, internal = false, ...bounds } = rest
    const range = { ...(min === undefined ? {} : { min }), ...(max === undefined ? {} : { max }) }
    const brokerSynonyms = from.map((synonym) => (typeof synonym === 'string' ? { name: synonym } : synonym))
    return {
      ...{ name, type, defaultValue, importance, updateMode: update, valid: { ...valid, ...range } },
      ...{ required, sensitive, internal, brokerSynonyms, ...bounds },
    }
  }

export const boolean = row('boolean')
export const string = row('string')
export const int = row('int')
export const short = row('short')
export const long = row('long')
export const double = row('double')
export const list = row('list')
export const className = row('class')
export const password = row('password')
