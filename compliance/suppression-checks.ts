import type { CheckRecord } from '../model/cdr.ts'
import type { Exclusion } from '../model/exclusion.ts'
import { isExpired, type OutsideAnswer, type SuppressionKind } from '../model/suppression-list.ts'
import type { TrafficType } from '../model/trunk.ts'
import type { Located } from './calling-hours.ts'
import type { DoNotCall } from './do-not-call.ts'
import type { Enforcement, LegLaw } from './enforcement.ts'
import type { ScreeningRequest } from './screening-request.ts'
import type { HeldList } from './suppression-lists.ts'

/** What checks of lists consult. */
interface Lists {
  readonly doNotCall: DoNotCall
}

/** What the lists of one kind say of a consumer. */
interface ListFinding {
  readonly against: boolean
  /** It speaks against the call only so far as to be noted. */
  readonly warns: boolean
  readonly rule: string
  /** Of which day the numbers are. */
  readonly version: string
  readonly source: string
  readonly detail: string
}

/**
 * Asks every list of a kind that is for this consumer. A number that is listed speaks first; then a list too old, or unreadable, that is to
 * refuse; then one that is to warn. Null: there is none to ask.
 */
export function judgeLists(
  kind: Exclude<SuppressionKind, 'buyer'>,
  { ani, atMs }: ScreeningRequest,
  { doNotCall }: Lists,
  { places }: Pick<Located, 'places'>,
): ListFinding | null {
  const { name: rule } = KIND_CHECKS[kind]
  const all = doNotCall.suppression.of(kind)
  if (all.length === 0 || ani === null) return null
  const lists = kind === 'state' && places.length > 0 ? listsOf(all, places) : all // Who may be anywhere may be there.
  if (lists.length === 0) return null
  let unknown: ListFinding | null = null
  for (const held of lists) {
    const { list, label, version } = held
    const source = sourceOf(held)
    if (held.has(ani)) return { against: true, warns: false, rule, version, source, detail: `listed: ${label}` }
    const why = held.damage ?? (isExpired(list, atMs) ? `older than ${list.expiresAfterDays} days` : null)
    if (why === null || (unknown !== null && !unknown.warns)) continue
    const warns = list.whenExpired === 'warn'
    if (unknown !== null && warns) continue
    const detail = `cannot be relied on: ${label}, ${why}`
    unknown = { against: true, warns, rule: `${rule}:unknown`, version, source, detail }
  }
  if (unknown !== null) return unknown
  const [first] = lists as readonly [HeldList, ...HeldList[]]
  const detail = lists.length === 1 ? first.notListed : `not listed: ${lists.map(({ label }) => label).join(', ')}`
  return { against: false, warns: false, rule, version: first.version, source: sourceOf(first), detail }
}

/** Those of the states among the places. */
function listsOf(all: readonly HeldList[], places: Located['places']): readonly HeldList[] {
  let found: HeldList[] | null = null
  for (const held of all) {
    const { state } = held.list
    for (const { place } of places)
      if (place.state === state) {
        ;(found ??= []).push(held)
        break
      }
  }
  return found ?? NO_LISTS
}

const NO_LISTS: readonly HeldList[] = []

function sourceOf({ list }: HeldList): string {
  return list.kind === 'national' ? NATIONAL_SOURCE : list.source
}

const NATIONAL_SOURCE = '47 CFR 64.1200(c)(2)'

/** The check that lists of a kind are asked by, and the law that says where it binds; `always`: on every leg. */
export const KIND_CHECKS = {
  national: { name: 'national-do-not-call', binds: 'do_not_call' },
  state: { name: 'state-do-not-call', binds: 'do_not_call' },
  internal: { name: 'internal-do-not-call', binds: 'do_not_call' },
  litigator: { name: 'litigator', binds: 'always' },
  blocked: { name: 'blocked-caller', binds: 'always' },
} as const satisfies Record<Exclude<SuppressionKind, 'buyer'>, { name: string; binds: 'always' | LegLaw }>

/** Whether its answer could refuse a call on this leg: where it could only advise, nobody waits and pays for it. */
export function bindsOutside({ list }: HeldList, leg: TrafficType, enforcement: Enforcement): boolean {
  if (list.kind === 'buyer') return false
  const { binds } = KIND_CHECKS[list.kind]
  return binds === 'always' || enforcement.isEnforced(binds, leg)
}

/** The line of a list that somebody else keeps, by what came of asking. */
export function recordOutside(
  held: HeldList,
  answer: OutsideAnswer,
  leg: TrafficType,
  enforcement: Enforcement,
): CheckRecord | null {
  const { list } = held
  if (list.kind === 'buyer' || list.lookup === null) return null
  const { name } = KIND_CHECKS[list.kind]
  const record = { check: name, source: list.source }
  const isBound = bindsOutside(held, leg, enforcement)
  if (answer.said === 'unknown') {
    const effect = isBound && list.lookup.whenAway === 'refuse' ? 'block' : 'advisory'
    return { ...record, effect, rule: `${name}:unknown`, detail: `cannot be asked: ${list.name}, ${answer.why}` }
  }
  const isListed = answer.said === 'listed'
  const detail = `${isListed ? 'listed' : 'not listed'}: ${list.name}, asked ${timeOf(answer.askedAtMs)}`
  return { ...record, effect: !isListed ? 'allow' : isBound ? 'block' : 'advisory', rule: name, detail }
}

function timeOf(atMs: number): string {
  return new Date(atMs).toISOString().slice(0, 19) + 'Z'
}

/** What the lists of buyers say: whose bids are none for this consumer, and the line of it. Null: no buyer has a list. */
export function judgeBuyersLists(
  { ani, atMs }: ScreeningRequest,
  { doNotCall }: Lists,
): { readonly exclusions: readonly Exclusion[]; readonly check: CheckRecord } | null {
  const lists = doNotCall.suppression.of('buyer')
  if (lists.length === 0) return null
  let exclusions: Exclusion[] = NOBODY
  let detail = ''
  if (ani !== null)
    for (const held of lists) {
      const { list, label } = held
      const isUnknown = list.whenExpired === 'refuse' && (held.damage !== null || isExpired(list, atMs))
      if (!isUnknown && !held.has(ani)) continue
      exclusions = [...exclusions, { buyers: [list.accountId], campaigns: [], reason: 'buyer_do_not_call' }]
      detail += `${detail === '' ? '' : ', '}${isUnknown ? 'cannot be relied on' : 'listed'}: ${label}`
    }
  const check: CheckRecord = {
    check: 'buyer-do-not-call',
    effect: 'allow',
    rule: 'buyer-do-not-call',
    source: 'lists of buyers',
    detail: exclusions.length === 0 ? 'not listed' : detail.slice(0, MAX_DETAIL),
  }
  return { exclusions, check }
}

const NOBODY: Exclusion[] = []
const MAX_DETAIL = 500
