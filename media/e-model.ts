/** How a codec stands up to the network (ITU-T G.113 appendix I): what it costs by itself, and how well it hides a lost packet. */
export interface Impairment {
  /** Equipment impairment factor Ie. */
  readonly ie: number
  /** Packet-loss robustness factor Bpl, in percent. */
  readonly bpl: number
}

/** G.711 with packet loss concealment (G.711 appendix I), as every phone of today has it. */
const G711: Impairment = { ie: 0, bpl: 25.1 }

/**
 * By codec name in lower case. G.722 and Opus have no values on this narrowband scale (G.113 gives some for wideband, where R goes to
 * 129): they are reckoned as G.711, which is fair to their loss and says nothing of their better sound.
 */
const IMPAIRMENTS: ReadonlyMap<string, Impairment> = new Map([
  ['pcmu', G711],
  ['pcma', G711],
  ['g722', G711],
  ['opus', G711],
  ['g729', { ie: 11, bpl: 19 }], // G.729A with silence suppression, the only one of the family with a Bpl.
  ['g723', { ie: 15, bpl: 16.1 }],
  ['gsm-efr', { ie: 5, bpl: 10 }],
])

/** The impairment of a codec by its name in SDP; one that G.113 does not list is reckoned as G.711. */
export function impairmentOf(codecName: string): Impairment {
  return IMPAIRMENTS.get(codecName.toLowerCase()) ?? G711
}

/** R of a call with the default values of G.107 table 2 and no delay: Ro less Is. */
const R_UNIMPAIRED = 93.2
/** Up to here delay alone costs nothing (G.107 §7.4, mT). */
const DELAY_FELT_FROM_MS = 100

/**
 * The transmission rating R of the E-model (ITU-T G.107 §7): what is left of 93.2 after delay (Idd, §7.4; echo is taken as cancelled)
 * and after codec and random loss (Ie-eff, §7.5 with BurstR 1). `lossShare` is 0 to 1; `oneWayMs` mouth to ear. May be negative.
 */
export function transmissionRating(lossShare: number, oneWayMs: number, impairment: Impairment): number {
  return R_UNIMPAIRED - delayImpairment(oneWayMs) - effectiveImpairment(lossShare, impairment)
}

function effectiveImpairment(lossShare: number, { ie, bpl }: Impairment): number {
  const lossPercent = 100 * lossShare
  return ie + ((95 - ie) * lossPercent) / (lossPercent + bpl)
}

function delayImpairment(oneWayMs: number): number {
  if (oneWayMs <= DELAY_FELT_FROM_MS) return 0
  const x = Math.log2(oneWayMs / DELAY_FELT_FROM_MS)
  return 25 * ((1 + x ** 6) ** (1 / 6) - 3 * (1 + (x / 3) ** 6) ** (1 / 6) + 2)
}

/** The mean opinion score of a rating (G.107 annex B), 1 to 4.5. */
export function opinionScore(r: number): number {
  if (r <= 0) return 1
  if (r >= 100) return 4.5
  return Math.max(1, 1 + 0.035 * r + r * (r - 60) * (100 - r) * 7e-6)
}

/** A frame of 20 ms is whole before it is sent. */
const PACKET_MS = 20

/**
 * The mean opinion score of one direction: `networkMs` is the one-way time through the network, to which a phone's packet and a
 * jitter buffer of twice the jitter are added.
 */
export function meanOpinionScore(heard: {
  readonly lossShare: number
  readonly networkMs: number
  readonly jitterMs: number
  readonly impairment: Impairment
}): number {
  const oneWayMs = heard.networkMs + 2 * heard.jitterMs + PACKET_MS
  return opinionScore(transmissionRating(heard.lossShare, oneWayMs, heard.impairment))
}
