// How a call sounds, from what the browser counts (W3C webrtc-stats): loss, jitter and round trip → MOS.

/** Packets lost in percent that halve what loss has left to take (G.113 Appendix I: G.711 with concealment; Opus is no worse). */
const LOSS_ROBUSTNESS = 25.1
/** What the codec and the devices add to the way there, in ms: 20 of a packet, 20 of converters. */
const FIXED_DELAY_MS = 40

/** The E-model (ITU-T G.107 §7, its defaults) for `lossPercent`, one-way `delayMs`: mean opinion score, 1 to 4.5. */
export function mosOf({ lossPercent, delayMs }) {
  const delay = 0.024 * delayMs + (delayMs > 177.3 ? 0.11 * (delayMs - 177.3) : 0)
  const loss = (95 * lossPercent) / (lossPercent + LOSS_ROBUSTNESS)
  const r = Math.max(0, Math.min(100, 93.2 - delay - loss))
  return Math.max(1, 1 + 0.035 * r + r * (r - 60) * (100 - r) * 7e-6)
}

/** The counters of a getStats() report that quality is read from. Null members: nothing is known yet. */
export function readReport(report) {
  const found = { received: null, lost: null, jitterMs: null, rttMs: null }
  for (const entry of report.values()) {
    if (entry.type === 'inbound-rtp' && entry.kind === 'audio') {
      found.received = (found.received ?? 0) + (entry.packetsReceived ?? 0)
      found.lost = (found.lost ?? 0) + (entry.packetsLost ?? 0)
      if (entry.jitter !== undefined) found.jitterMs = entry.jitter * 1000
    } else if (entry.type === 'remote-inbound-rtp' && entry.kind === 'audio' && entry.roundTripTime !== undefined) {
      found.rttMs = entry.roundTripTime * 1000
    } else if (entry.type === 'candidate-pair' && entry.nominated && entry.currentRoundTripTime !== undefined) {
      found.rttMs ??= entry.currentRoundTripTime * 1000
    }
  }
  return found
}

/** What the time between two readings sounded like; null when nothing came in it. */
export function qualityBetween(before, now) {
  const received = (now.received ?? 0) - (before?.received ?? 0)
  // Packets that came twice count as found again: less lost than before is none lost.
  const lost = Math.max(0, (now.lost ?? 0) - (before?.lost ?? 0))
  if (received <= 0) return null
  const lossPercent = (100 * lost) / (received + lost)
  const jitterMs = now.jitterMs ?? 0
  const delayMs = (now.rttMs ?? 0) / 2 + 2 * jitterMs + FIXED_DELAY_MS
  return { lossPercent, jitterMs, rttMs: now.rttMs, mos: mosOf({ lossPercent, delayMs }) }
}

/** Colour and word of a score, as people who listen put it. */
export function gradeOf(quality) {
  if (quality === null) return ['bad', 'No audio']
  const { mos } = quality
  if (mos >= 4) return ['good', 'Good']
  if (mos >= 3.6) return ['good', 'Fair']
  return mos >= 3.1 ? ['warn', 'Poor'] : ['bad', 'Bad']
}
