import { Refusal } from '../../model/refusal.ts'
import type { Call } from '../live-call.ts'
import type { ExchangeParts } from '../parts.ts'
import { arrivalOf } from './arrival.ts'

/**
 * Its caller has been asked where it is: what its place decides is judged once more, with all else as it was found, and lists that others keep
 * for that place are asked. Rejected with the Refusal of a call that may not be sold there.
 */
export async function screenAgain(call: Call, { screening, announcements, telemetry }: ExchangeParts): Promise<void> {
  const { zip, isZipTyped = false } = call.facts!
  const { placeIsAsked: _asked, ...before } = call.screenedBy!
  const request = { ...before, ivrZip: isZipTyped ? zip!.zip : null }
  const screened = await screening.screenAgain(request, arrivalOf(call), call.gone)
  call.throwIfGone()
  const { checks, refusal, rule } = screened
  const isOutside = new Set(call.fromOutside)
  const judged = new Set([
    'rule',
    ...checks.filter((each) => !screened.fromOutside.includes(each)).map(({ check }) => check),
  ])
  call.judgedBy = request
  call.checks = [
    ...call.checks.filter((each) =>
      isOutside.has(each) ? screened.fromOutside.length === 0 : !judged.has(each.check),
    ),
    ...checks,
  ]
  call.exclusions = screened.exclusions
  call.note('screened again', refusal === null ? 'may be sold' : `${rule}: ${screened.text}`)
  announcements.checked(call, refusal === null)
  telemetry.screenings.inc({ effect: refusal === null ? 'allow' : 'block', rule: rule ?? 'none' })
  if (refusal) throw new Refusal(refusal.reason, refusal.text)
}
