import { Refusal } from '../../model/refusal.ts'
import { isAtLeast } from '../../model/stir.ts'
import type { AuctionRequest } from '../../routing/route-call.ts'
import type { Call } from '../live-call.ts'
import type { ExchangeParts } from '../parts.ts'
import { askBiddersEarly } from '../live-bidding.ts'
import { findPing } from '../pings/claim-ping.ts'
import { analyticsRefusal } from './analytics-refusal.ts'
import { arrivalOf } from './arrival.ts'
import type { ScreeningRefusal } from './evidence.ts'
import type { Screened } from './screening.ts'

/** May this call be sold? Fills its checks, and throws the Refusal of one that may not, at once or when what was asked for outside is known. */
export function screen(call: Call, parts: ExchangeParts): Promise<void> | null {
  call.state = 'screening'
  call.pinged = findPing(call, parts)
  const screened = parts.screening.screen(arrivalOf(call), call.gone, (consents) => {
    call.consents = consents
    askBiddersEarly(call, parts)
  })
  if (!(screened instanceof Promise)) {
    conclude(call, screened, parts)
    return null
  }
  const sinceMs = parts.clock.monotonicMs()
  return screened.then((one) => {
    call.evidenceMs = Math.round(parts.clock.monotonicMs() - sinceMs)
    conclude(call, one, parts)
  })
}

function conclude(call: Call, screened: Screened, parts: ExchangeParts): void {
  const { checks, exclusions, consents, refusal, rule } = screened
  const allowed = refusal === null
  call.checks = checks
  call.fromOutside = screened.fromOutside
  call.screenedBy = screened.request
  call.judgedBy = screened.request
  call.exclusions = exclusions
  call.consents = consents
  call.throwIfGone() // What had been found by then stands in the audit.
  forgetBrokenPing(call, allowed, parts)
  if (call.signature) call.note('signature', call.signature.result.detail)
  call.note('screened', allowed ? 'may be sold' : `${rule}: ${screened.text}`)
  parts.announcements.checked(call, allowed)
  parts.telemetry.screenings.inc({ effect: allowed ? 'allow' : 'block', rule: rule ?? 'none' })
  if (refusal) throw heardAs(refusal, call, parts)
}

/**
 * What a ping was sold by does not hold of its call: its buyer may have asked for that, so the call is auctioned afresh, where what was kept
 * for it stands in nobody's way.
 */
function forgetBrokenPing(call: Call, allowed: boolean, { pings }: Pick<ExchangeParts, 'pings'>): void {
  const { pinged } = call
  if (!pinged) return
  const broken = whatDoesNotHold(call, pinged.request)
  if (broken === null) return
  call.pinged = null
  if (allowed) pings.drop(pinged)
  call.note('ping', broken)
}

function whatDoesNotHold(call: Call, { consents, attestation }: AuctionRequest): string | null {
  const isLess = attestation != null && !isAtLeast(call.signature?.result.attestation ?? null, attestation)
  if (isLess) return `the call is not attested with ${attestation}, as it said`
  const isTakenBack = consents?.some(({ id }) => id !== null && call.consents?.some((now) => now.id === id) !== true)
  return isTakenBack ? 'a consent it was sold by is good no more' : null
}

function heardAs(
  { reason, text, status = null, headers }: ScreeningRefusal,
  call: Call,
  parts: ExchangeParts,
): Refusal {
  if (reason !== 'fraud') return new Refusal(reason, text, status, headers)
  const how = call.facts!.trunk.analyticsRefusal ?? '603+'
  const sound = analyticsRefusal(how, text, call.id, parts.policies.redress)
  return new Refusal(reason, text, sound.status, sound.headers, sound.phrase)
}
