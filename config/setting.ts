import { duration, type Kind } from './setting-kinds.ts'

/** One setting: what it may be, what it is when nobody says, and why somebody would. */
export interface Setting<T, Suffix extends string, Default> {
  readonly kind: Kind<T, Suffix>
  /** Null: unset. */
  readonly default: Default
  readonly description: string
  /** Masked wherever it is shown: all of it, or only the password inside a URL. */
  readonly secret?: 'all' | 'url'
  /** Not built yet: known, checked, and reported when somebody sets it. */
  readonly notAvailable?: true
  /** Other names that set it: the seed's keys and the short variables of the contract. */
  readonly aliases?: readonly string[]
}

type Extras<T> = Pick<Setting<T, '', null>, 'secret' | 'notAvailable' | 'aliases'>

/** A setting with a default. */
export function set<T, Suffix extends string>(
  kind: Kind<T, Suffix>,
  value: T,
  description: string,
  extras: Extras<T> = {},
): Setting<T, Suffix, T> {
  return { kind, default: value, description, ...extras }
}

/** A setting that may stay unset. */
export function may<T, Suffix extends string>(
  kind: Kind<T, Suffix>,
  description: string,
  extras: Extras<T> = {},
): Setting<T, Suffix, null> {
  return { kind, default: null, description, ...extras }
}

/** A setting of a part that is not built yet, or of a limit that is still a constant where it is kept (its value in brackets). */
export function later<T, Suffix extends string>(kind: Kind<T, Suffix>, description: string, extras: Extras<T> = {}) {
  return may(kind, description, { notAvailable: true, ...extras })
}

export const SHORT_WAIT = duration('1ms', '10m')
