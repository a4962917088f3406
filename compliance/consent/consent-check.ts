import type { GivenConsent } from '../../model/consent.ts'
import type { Enforcement } from '../enforcement.ts'
import { printSecond } from '../../model/print-second.ts'
import type { ScreeningRequest } from '../screening-request.ts'
import type { Consents } from './consents.ts'

const SOURCE = '47 CFR 64.1200(a)(2) and (f)(9)'

/** Whoever is called by telemarketers has allowed it: this seller by name, and has not taken it back. Null: nobody asks. */
export function judgeConsent(
  { trafficType, consent: given = null }: ScreeningRequest,
  { consents, enforcement }: { readonly consents: Consents; readonly enforcement: Enforcement },
): { against: boolean; rule: string; source: string; detail: string } | null {
  const bound = enforcement.isEnforced('consent', trafficType)
  // Of a call the consumer made only buyers ask it.
  if (!bound && trafficType === 'inbound') return null
  if (given !== null) return { against: false, rule: 'consent', source: SOURCE, detail: describe(given) }
  // Where none are kept sellers answer for theirs, unless the operator has said otherwise.
  if (!consents.areAsked) return null
  const detail = 'no consent to calls of this seller is on record'
  return { against: true, rule: 'consent', source: SOURCE, detail }
}

function describe({ id, givenAtMs, certificates }: GivenConsent): string {
  const when = givenAtMs === null ? 'at a time nobody said' : `given ${printSecond(givenAtMs)}`
  if (id === null) return `the seller brings a certificate (${certificates.join(', ')}), ${when}; not verified`
  return `consent ${id}, ${when}${certificates.length > 0 ? `, certified (${certificates.join(', ')})` : ''}`
}
