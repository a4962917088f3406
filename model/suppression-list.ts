import type { Stored } from './account.ts'
import type { AccountId, SuppressionListId } from './ids.ts'
import type { PhoneNumber } from './phone-number.ts'
import { DAY_MS } from './time-zone.ts'

/**
 * Whose wish a list is: the nation's registry (47 CFR 64.1200(c)(2)), a state's, people who asked us (64.1200(d)), people known
 * to sue, callers whose calls are never taken, or a buyer's, which keeps only that buyer out.
 */
export const SUPPRESSION_KINDS = ['national', 'state', 'internal', 'litigator', 'blocked', 'buyer'] as const
export type SuppressionKind = (typeof SUPPRESSION_KINDS)[number]

/** What is judged when a list is too old, or the service that holds it does not answer. */
export const WHEN_UNKNOWN = ['refuse', 'warn'] as const
export type WhenUnknown = (typeof WHEN_UNKNOWN)[number]

/** A list somebody else keeps and answers for by HTTP, a number at a time. */
export interface SuppressionLookup {
  /** With `{number}` (+12125550123) or `{national}` (2125550123) in its path or query. */
  readonly url: string
  /** What the service knows us by, among them. */
  readonly headers: Readonly<Record<string, string>>
  /** JSON pointer (RFC 6901) to what says in the answer whether the number is listed. */
  readonly pointer: string
  /** The values there that mean listed, and those that mean not; any other is no answer. */
  readonly listed: readonly LookupValue[]
  readonly clear: readonly LookupValue[]
  readonly deadlineMs: number
  readonly whenAway: WhenUnknown
}

export type LookupValue = string | number | boolean | null

/** The longest a call may wait for such a list. */
export const MAX_LOOKUP_MS = 3_000

/** What came of asking who keeps a list: `unknown` says why there is no answer. */
export type OutsideAnswer =
  { readonly said: 'listed' | 'clear'; readonly askedAtMs: number } | { readonly said: 'unknown'; readonly why: string }

/** A list of numbers, kept as sets and not one by one: what the house itself was asked stands in `DncEntry`. */
export interface SuppressionList extends Stored {
  readonly id: SuppressionListId
  /** A buyer's own list: the buyer's. Every other: the operator's. */
  readonly accountId: AccountId
  /** What rules and imports call it; no two have the same. */
  readonly name: string
  readonly kind: SuppressionKind
  /** Where it is from, or the law it stands on. */
  readonly source: string
  /** Of a state's list: it is for consumers who may be there; null otherwise. */
  readonly state: string | null
  /** Of when the numbers are, as their keeper says; null: none have been imported. */
  readonly versionDate: Date | null
  /** Null: it does not age. */
  readonly expiresAfterDays: number | null
  readonly whenExpired: WhenUnknown
  /** Null: its numbers are imported. */
  readonly lookup: SuppressionLookup | null
  readonly numbers: number
  /** Grows with each change of its numbers. */
  readonly revision: number
  /** The revision that replaced all of them last. */
  readonly replacedAt: number
}

/** A seller that calls by a national list older than this has no safe harbour (47 CFR 64.1200(c)(2)(i)(D), 16 CFR 310.4(b)(3)(iv)). */
export const NATIONAL_EXPIRES_DAYS = 31
/** Each list is asked of every call. */
export const MAX_SUPPRESSION_LISTS = 500

/** Whether its numbers are too old to go by. */
export function isExpired(
  list: Pick<SuppressionList, 'expiresAfterDays' | 'lookup' | 'versionDate'>,
  atMs: number,
): boolean {
  if (list.expiresAfterDays === null || list.lookup !== null) return false
  return list.versionDate === null || atMs - list.versionDate.getTime() > list.expiresAfterDays * DAY_MS
}

/** What a file says is to be done with its numbers. */
export const IMPORT_MODES = ['replace', 'replace_areas', 'add', 'remove', 'change'] as const
/**
 * `replace`: the list is what the file says. `replace_areas`: so are the area codes the file has, others stay. `add`, `remove`:
 * every line. `change`: each line says which.
 */
export type ImportMode = (typeof IMPORT_MODES)[number]

/** What a file is taken for unless it is said: registries come whole, a house's and a buyer's own numbers come by and by. */
export function usualMode({ kind }: Pick<SuppressionList, 'kind'>): ImportMode {
  return kind === 'national' || kind === 'state' || kind === 'litigator' ? 'replace' : 'add'
}

/** Whether a file cannot be taken without saying of when it is. */
export function needsDate({ expiresAfterDays }: Pick<SuppressionList, 'expiresAfterDays'>, mode: ImportMode): boolean {
  return expiresAfterDays !== null && mode !== 'add' && mode !== 'remove'
}

/** Numbers that go on and off a list, however many. */
export interface ListChange {
  readonly add: readonly PhoneNumber[]
  readonly remove: readonly PhoneNumber[]
}

/** What an import has done, for whoever began it and for the list's history. */
export interface ImportOutcome {
  readonly added: number
  readonly removed: number
  /** On the list afterwards. */
  readonly numbers: number
  readonly lines: number
  readonly invalid: number
  /** The first of them. */
  readonly invalidShown: readonly { readonly line: number; readonly value: string }[]
}

/** Numbers of a list as they were at one revision: the area codes that have changed, or all of them. */
export interface LoadedNumbers {
  /** The list at that revision. */
  readonly list: SuppressionList
  /** Area codes that are not among `areas` have no numbers any more. */
  readonly isWhole: boolean
  /** As model/area-numbers.ts packs them; 0 stands for numbers outside North America, a line each. */
  readonly areas: readonly { readonly area: number; readonly packed: Uint8Array }[]
  /** Why they cannot be read; null: they can. */
  readonly damage: string | null
}

/** What stands for numbers outside the North American plan among the area codes. */
export const FOREIGN_AREA = 0
/** So many of those a list has at most: they are kept as texts. */
export const MAX_FOREIGN = 100_000

/** Whether it is one of the North American plan: `+1` and ten digits. */
export function isNorthAmerican(number: PhoneNumber): boolean {
  return number.length === 12 && number.charCodeAt(1) === 49
}

/** The area code of a North American number, and the seven digits behind it. */
export function areaOf(number: PhoneNumber): number {
  return digits(number, 2, 5)
}

export function localOf(number: PhoneNumber): number {
  return digits(number, 5, 12)
}

function digits(text: string, from: number, to: number): number {
  let value = 0
  for (let at = from; at < to; at++) value = value * 10 + text.charCodeAt(at) - 48
  return value
}
