import type { Telemetry } from '../../config/telemetry.ts'
import type { Call } from '../live-call.ts'

/** What an ended call adds to the metrics: every figure is derived here, once, from the call's own times. */
export function countCall(telemetry: Telemetry, call: Call): void {
  telemetry.calls.inc({ outcome: call.outcome ?? 'failed' })
  if (call.outcome === 'refused' || call.outcome === 'no_sale') telemetry.refusals.inc({ reason: call.endReason ?? '' })
  for (const attempt of call.attempts) telemetry.legs.inc({ status: String(attempt.sipStatus ?? 'none') })
  const received = call.receivedAt.getTime()
  // Whoever was asked first has waited for a person's choice, too.
  if (call.ringingAt && !call.waiting) telemetry.pdd.observe((call.ringingAt.getTime() - received) / 1000)
  if (call.answeredAt) {
    if (!call.waiting) telemetry.setup.observe((call.answeredAt.getTime() - received) / 1000)
    telemetry.duration.observe(call.durationMs / 1000)
  }
  for (const leg of [call.callerMedia, ...call.attempts.map((attempt) => attempt.media)]) {
    if (!leg) continue
    telemetry.rtpPackets.inc(leg.packetsReceived)
    telemetry.rtpLost.inc(Math.max(0, leg.packetsLost))
  }
  if (call.endReason === 'rtp_timeout') telemetry.rtpTimeouts.inc()
}

/** A refusal that leaves no record: of an unknown source, or one of many under overload. */
export function countRefusal(telemetry: Telemetry, call: Call): void {
  if (call.endReason === 'unknown_source') telemetry.unknownSources.inc()
  telemetry.refusals.inc({ reason: call.endReason ?? 'internal_error' })
}
