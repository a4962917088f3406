/** Packetization and a jitter buffer of twice the jitter: what a phone adds to the way of a packet. */
const PACKET_MS = 20

/**
 * The mean opinion score of G.711 by the E-model (ITU-T G.107 §7 and annex B, G.113 appendix I: Ie 0, Bpl 25.1 with packet
 * loss concealment), 1 to 4.41. `lossShare` is 0 to 1 of random loss; `oneWayMs` the way through the network.
 */
export function meanOpinionScore(heard: {
  readonly lossShare: number
  readonly oneWayMs: number
  readonly jitterMs: number
}): number {
  const delayMs = heard.oneWayMs + 2 * heard.jitterMs + PACKET_MS
  const delayImpairment = 0.024 * delayMs + (delayMs > 177.3 ? 0.11 * (delayMs - 177.3) : 0)
  const lossPercent = heard.lossShare * 100
  const lossImpairment = (95 * lossPercent) / (lossPercent + 25.1)
  const r = 93.2 - delayImpairment - lossImpairment
  if (r <= 0) return 1
  return r >= 100 ? 4.5 : Math.max(1, 1 + 0.035 * r + r * (r - 60) * (100 - r) * 7e-6)
}
