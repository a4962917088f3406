import { Refusal } from '../../model/refusal.ts'
import type { Call } from '../live-call.ts'
import type { ExchangeParts } from '../parts.ts'

/**
 * Its caller has been asked where it is: what its place decides is judged once more, with all else as it was found. Throws the Refusal of a
 * call that may not be sold there.
 */
export function screenAgain(call: Call, { screening, announcements, telemetry }: ExchangeParts): void {
  const { zip, isZipTyped = false } = call.facts!
  const { placeIsAsked: _asked, ...before } = call.screenedBy!
  const request = { ...before, ivrZip: isZipTyped ? zip!.zip : null }
  const verdict = screening.screenAgain(request)
  call.judgedBy = request
  const judged = new Set(['rule', ...verdict.checks.map(({ check }) => check)])
  call.checks = [...call.checks.filter(({ check }) => !judged.has(check)), ...verdict.checks]
  call.exclusions = verdict.exclusions
  call.note('screened again', verdict.allowed ? 'may be sold' : `${verdict.rule}: ${verdict.text}`)
  announcements.checked(call, verdict.allowed)
  telemetry.screenings.inc({ effect: verdict.allowed ? 'allow' : 'block', rule: verdict.rule ?? 'none' })
  if (!verdict.allowed) throw new Refusal('compliance', verdict.rule)
}
