import { Refusal } from '../../model/refusal.ts'
import type { Call } from '../live-call.ts'
import type { ExchangeParts } from '../parts.ts'
import { findPing } from '../pings/claim-ping.ts'
import { arrivalOf } from './arrival.ts'
import type { Screened } from './screening.ts'

/** May this call be sold? Fills its checks, and throws the Refusal of one that may not, at once or when what was asked for outside is known. */
export function screen(call: Call, parts: ExchangeParts): Promise<void> | null {
  call.state = 'screening'
  call.pinged = findPing(call, parts)
  const screened = parts.screening.screen(arrivalOf(call), call.gone)
  if (!(screened instanceof Promise)) {
    conclude(call, screened, parts)
    return null
  }
  return screened.then((one) => {
    call.throwIfGone()
    conclude(call, one, parts)
  })
}

function conclude(call: Call, { checks, exclusions, refusal, rule, text }: Screened, parts: ExchangeParts): void {
  const allowed = refusal === null
  call.checks = checks
  call.exclusions = exclusions
  call.note('screened', allowed ? 'may be sold' : `${rule}: ${text}`)
  parts.announcements.checked(call, allowed)
  parts.telemetry.screenings.inc({ effect: allowed ? 'allow' : 'block', rule: rule ?? 'none' })
  if (refusal) throw new Refusal(refusal.reason, refusal.text, refusal.status ?? null, refusal.headers)
}
