import type { Attestation, RuleTerms } from '../../model/compliance-rule.ts'
import { DAY_MS } from '../../model/time-zone.ts'
import type { CallFrequency, ConsumerCall } from '../call-frequency.ts'
import type { CallingHours } from '../calling-hours.ts'
import type { DoNotCall } from '../do-not-call.ts'
import type { Holidays } from '../holidays.ts'
import { PlaceHours, type KeptHours } from '../place-hours.ts'
import type { ScreeningRequest } from '../screening-request.ts'
import { compileExpression } from './expression.ts'

const HOUR_MS = 3_600_000

/** What the terms of rules consult. */
export interface RuleNeeds {
  readonly hours: CallingHours
  readonly holidays: Holidays
  readonly doNotCall: DoNotCall
  readonly frequency: CallFrequency
}

/** A call as rules see it: what was asked, and the places it may be from, looked up once for all rules. */
export interface RuleSubject {
  readonly request: ScreeningRequest
  readonly places: readonly PlaceHours[]
}

/** Whether the terms speak against the call, and what they saw. */
export interface TermsFinding {
  readonly against: boolean
  readonly detail: string
}

export type Judge = (subject: RuleSubject) => TermsFinding

const RANKS: Readonly<Record<Attestation, number>> = { A: 3, B: 2, C: 1 }

/** Makes of a rule's terms the question that is asked of every call. */
export function compileTerms(terms: RuleTerms, needs: RuleNeeds): Judge {
  switch (terms.type) {
    case 'calling_hours':
      return callingHours(terms, needs)
    case 'dnc':
      return ({ request: { ani } }) => {
        if (ani === null) return said(false, 'not listed')
        for (const list of terms.lists) {
          const isListed = needs.doNotCall.isOn(list, ani)
          // What is not known is not known to be allowed.
          if (isListed !== false) return said(true, isListed ? `on the list ${list}` : `there is no list ${list}`)
        }
        return said(false, 'not listed')
      }
    case 'consent':
      return ({ request }) => consent(terms, request)
    case 'geography':
      return geography(terms)
    case 'attestation':
      return ({ request: { attestation = null, isPing = false } }) => {
        if (isPing) return said(false, 'a ping has none: its call is judged')
        if (attestation === null) return said(terms.missing, 'no attestation')
        return said(RANKS[attestation] < RANKS[terms.minimum], `attestation ${attestation}`)
      }
    case 'frequency':
      return frequency(terms, needs.frequency)
    case 'expression':
      return expression(terms.expression, needs.frequency)
  }
}

function said(against: boolean, detail: string): TermsFinding {
  return { against, detail }
}

function callingHours(
  terms: Extract<RuleTerms, { type: 'calling_hours' }>,
  { hours, holidays }: Pick<RuleNeeds, 'hours' | 'holidays'>,
): Judge {
  const byPlace = new WeakMap<PlaceHours, PlaceHours<KeptHours>>()
  const here = (known: PlaceHours): PlaceHours<KeptHours> => {
    const { place } = known
    let found = byPlace.get(known)
    if (found === undefined)
      byPlace.set(known, (found = new PlaceHours<KeptHours>(place, terms, holidays.of(place.state))))
    return found
  }
  return ({ request, places }) => {
    if (places.length === 0) return said(!hours.allowsUnknown, 'the place of the consumer is unknown')
    const { atMs } = request
    const closed = places.find((place) => !here(place).isOpen(atMs)) ?? null
    const spoke = here(closed ?? places[0]!)
    const { state, timezone } = spoke.place
    return said(closed !== null, `${state}, ${timezone}: ${spoke.wallClock(atMs)}, calls ${spoke.window(atMs, ' to ')}`)
  }
}

function consent(
  terms: Extract<RuleTerms, { type: 'consent' }>,
  { consent: given = null, atMs }: ScreeningRequest,
): TermsFinding {
  if (given === null) return said(true, 'no consent on record')
  if (terms.maxAgeHours !== null) {
    if (given.givenAtMs === null) return said(true, 'nobody says how old the consent is')
    if (atMs - given.givenAtMs > terms.maxAgeHours * HOUR_MS)
      return said(true, `the consent is older than ${terms.maxAgeHours} hours`)
  }
  if (terms.needsCertificate && given.certificates.length === 0) return said(true, 'the consent has no certificate')
  return said(false, given.id === null ? 'a certificate that the seller brings' : `consent ${given.id}`)
}

function geography({ against, states }: Extract<RuleTerms, { type: 'geography' }>): Judge {
  const named = new Set(states)
  return ({ places }) => {
    if (places.length === 0) return said(against === 'outside', 'the place of the consumer is unknown')
    const spoke = places.find(({ place }) => named.has(place.state) === (against === 'in'))
    return said(spoke !== undefined, `may be in ${(spoke ?? places[0]!).place.state}`)
  }
}

function frequency(terms: Extract<RuleTerms, { type: 'frequency' }>, calls: CallFrequency): Judge {
  calls.keep(terms.hours)
  return ({ request }) => {
    if (request.ani === null) return said(false, 'the number of the consumer is unknown')
    const before = calls.count(request.ani, terms.hours, request.atMs, alike(terms.per, request))
    const count = request.isAgain ? Math.max(0, before - 1) : before
    return said(count >= terms.calls, `${count} calls in ${terms.hours} hours`)
  }
}

function alike(
  per: Extract<RuleTerms, { type: 'frequency' }>['per'],
  { offer }: ScreeningRequest,
): ((call: ConsumerCall) => boolean) | undefined {
  if (per === 'consumer' || offer === undefined) return undefined
  if (per === 'vertical') return (call) => call.vertical === offer.vertical
  if (per === 'seller') return (call) => call.sellerId === offer.sellerId
  return (call) => call.numberId === offer.numberId
}

function expression(text: string, calls: CallFrequency): Judge {
  let isTrue: ReturnType<typeof compileExpression>
  try {
    isTrue = compileExpression(text)
  } catch (error) {
    // Taken by another version of this program: the book loads all the same, and what cannot be judged is not known to be allowed.
    const detail = `cannot be read: ${(error as Error).message}`
    return () => said(true, detail)
  }
  return ({ request, places }) => {
    const { ani, zip, trafficType, atMs, offer = null, attestation = null, isAgain = false } = request
    const first = places[0]
    const facts = {
      caller: ani ?? '',
      zip: zip ?? '',
      states: places.map(({ place }) => place.state),
      leg: trafficType,
      vertical: offer?.vertical ?? '',
      seller_id: offer?.sellerId ?? '',
      number_id: offer?.numberId ?? '',
      tags: new Map(Object.entries(offer?.tags ?? {})),
      attestation: attestation ?? '',
      has_consent: (request.consent ?? null) !== null,
      hour: first === undefined ? -1n : BigInt(first.hourOfDay(atMs)),
      calls_24h: ani === null ? 0n : BigInt(Math.max(0, calls.count(ani, DAY_MS / HOUR_MS, atMs) - (isAgain ? 1 : 0))),
    }
    try {
      return said(isTrue(facts), text)
    } catch (error) {
      return said(true, `cannot be judged: ${(error as Error).message.split('\n')[0]}`)
    }
  }
}
