import type { CheckRecord } from '../model/cdr.ts'
import { standingOf } from '../model/reassigned-number.ts'
import type { ScreeningRequest } from './screening-request.ts'

/** Whether the number is still of who consented, as far as the Reassigned Numbers Database was asked. Null: nobody consented, or nobody asked. */
export function judgeReassigned({
  reassigned = null,
  consent = null,
  atMs,
}: ScreeningRequest): (Omit<CheckRecord, 'check' | 'effect'> & { readonly against: boolean }) | null {
  if (consent === null || reassigned === null || reassigned.length === 0) return null
  // A consent without a day counts as older than any change.
  const { standing, by } = standingOf(reassigned, consent.givenAtMs ?? 0, atMs)
  const named = { rule: 'reassigned-number', source: '47 CFR 64.1200(m)' }
  if (by === null) return { ...named, against: false, detail: 'no recent answer about this consent: no safe harbour' }
  const asked = `asked ${by.askedAt.toISOString().slice(0, 10)} about ${by.consentDate}`
  if (standing === 'reassigned')
    return { ...named, against: true, detail: `the number has changed hands since the consent, ${asked}` }
  return { ...named, against: false, detail: `safe harbour: not reassigned, ${asked}` }
}
