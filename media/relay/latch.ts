/** `symmetric`: a source elsewhere than described may be believed (callers behind NAT). `strict`: only the description's own IP address. */
export type Latching = 'symmetric' | 'strict'

/** Where a description said one stream is; address null when it named a host rather than an address. */
export interface Expected {
  readonly address: string | null
  readonly port: number
  /** False on hold by address (c=0.0.0.0): nothing may be sent there. */
  readonly receives: boolean
}

/** An RTP packet of a source not believed yet, and how many in a row it takes to believe it. */
export interface Claim {
  readonly address: string
  readonly port: number
  readonly packet: Uint8Array
  readonly nowMs: number
  readonly proof: number
}

/** What has come of the source believed so far. */
export interface KnownStream {
  /** -1: nothing has. */
  readonly ssrc: number
  /** The highest sequence number. */
  readonly sequence: number
}

/** A source that was not described is believed with so many packets of one SSRC in a row: one packet to every port finds no call. */
export const PROOF_PACKETS = 3
/** The believed source must have been silent for so long before its stream may go on from elsewhere (a NAT that moved it). */
export const MOVE_SILENCE_MS = 2000
/** How far on a moved stream may be: a minute of packets of 20 ms. Whoever guesses SSRC and number is right once in 10^11. */
const MOVE_DROPOUT = 3000
/** Sources on probation at a time; the one heard least lately makes way. */
export const CANDIDATES_LIMIT = 4

/** How well a source fits the description; a better one takes the place of a worse one, never of its equal. */
const FIT = { none: 0, elsewhere: 1, address: 2, exact: 3 } as const

interface Candidate {
  readonly address: string
  readonly port: number
  ssrc: number
  sequence: number
  packets: number
  heardMs: number
}

/**
 * Whom one socket listens to and where it sends (symmetric RTP, RFC 4961), such that a stranger who sends to our ports neither hears
 * nor is heard. Nobody is believed before a description has come. Then: the described address and port at once, at any time; anybody
 * else after a proof of steady packets, which gives way to a better fit and to nobody else. The believed source stays until a
 * description moves the stream, or its own stream, silent for a while, goes on from elsewhere. In strict mode all of it must be of the
 * described IP address. What is left to an attacker: to forge the party's own address, which only SRTP answers, or to speak before a
 * party behind NAT does, steadily, to the right port among thousands.
 */
export class Latch {
  /** Where to send; port 0 is nowhere. */
  toAddress = ''
  toPort = 0
  readonly #latching: Latching
  #expected: Expected | null = null
  #sourceAddress: string | null = null
  #sourcePort = 0
  #fit: number = FIT.none
  #candidates: Candidate[] = []

  constructor(latching: Latching) {
    this.#latching = latching
  }

  /**
   * A description names the stream's address: a changed one lets go of the source, the same one keeps it. Hold by address names no
   * new one: nothing is sent, and the source stays locked through it.
   */
  expect(given: Expected): void {
    const before = this.#expected
    const expected = before !== null && !given.receives ? { ...before, receives: false } : given
    this.#expected = expected
    if (before === null || before.address !== expected.address || before.port !== expected.port) {
      this.#sourceAddress = null
      this.#fit = FIT.none
      this.#candidates = []
    }
    this.#aim()
  }

  /** The IP address that is believed; null before anybody is. */
  get sourceAddress(): string | null {
    return this.#sourceAddress
  }

  /** Whether a valid packet from here is to be passed on as it is: the believed source, the first thing tried, or the described one. */
  accepts(address: string, port: number): boolean {
    if (port === this.#sourcePort && address === this.#sourceAddress) return true
    const expected = this.#expected
    if (expected === null || port !== expected.port || address !== expected.address) return false
    this.#believe(address, port, FIT.exact)
    return true
  }

  /** Whether an RTP packet from anywhere else proves its source: it is believed from this packet on. */
  proves({ address, port, packet, nowMs, proof }: Claim, known: KnownStream, heardMs: number): boolean {
    const expected = this.#expected
    if (expected === null) return false
    const fit = address === expected.address ? FIT.address : FIT.elsewhere
    if (this.#latching === 'strict' && fit !== FIT.address) return false
    const sequence = (packet[2]! << 8) | packet[3]!
    const ssrc = ((packet[8]! << 24) | (packet[9]! << 16) | (packet[10]! << 8) | packet[11]!) >>> 0
    const hasMoved = nowMs - heardMs >= MOVE_SILENCE_MS && ssrc === known.ssrc && isNext(sequence, known, MOVE_DROPOUT)
    if (this.#sourceAddress !== null && fit <= this.#fit && !hasMoved) return false
    const candidate = this.#candidateOf(address, port, nowMs)
    const isSteady = ssrc === candidate.ssrc && isNext(sequence, candidate, 2)
    candidate.packets = isSteady ? candidate.packets + 1 : 1
    candidate.ssrc = ssrc
    candidate.sequence = sequence
    candidate.heardMs = nowMs
    if (candidate.packets < proof) return false
    this.#believe(address, port, fit)
    return true
  }

  /**
   * For RTCP on a port of its own, which proves nothing by itself: it is believed from the IP address that the RTP is believed from, one
   * source of it.
   */
  follows(rtp: Latch, address: string, port: number): boolean {
    const leader = rtp.sourceAddress
    if (leader === null || address !== leader || this.#sourceAddress === leader || this.#expected === null) return false
    this.#believe(address, port, FIT.address)
    return true
  }

  #candidateOf(address: string, port: number, nowMs: number): Candidate {
    const candidates = this.#candidates
    const known = candidates.find((candidate) => candidate.port === port && candidate.address === address)
    if (known !== undefined) return known
    const fresh: Candidate = { address, port, ssrc: -1, sequence: 0, packets: 0, heardMs: nowMs }
    if (candidates.length < CANDIDATES_LIMIT) candidates.push(fresh)
    else candidates[indexOfStalest(candidates)] = fresh
    return fresh
  }

  #believe(address: string, port: number, fit: number): void {
    this.#sourceAddress = address
    this.#sourcePort = port
    this.#fit = fit
    this.#candidates = []
    this.#aim()
  }

  #aim(): void {
    const expected = this.#expected
    if (expected === null || !expected.receives) {
      this.toPort = 0
    } else if (this.#sourceAddress !== null) {
      this.toAddress = this.#sourceAddress
      this.toPort = this.#sourcePort
    } else {
      this.toAddress = expected.address ?? ''
      this.toPort = expected.address === null ? 0 : expected.port
    }
  }
}

/** Whether the number comes after the last one, by less than `within`. */
function isNext(sequence: number, last: { readonly sequence: number }, within: number): boolean {
  const ahead = (sequence - last.sequence) & 0xffff
  return ahead > 0 && ahead < within
}

function indexOfStalest(candidates: readonly Candidate[]): number {
  let stalest = 0
  for (let i = 1; i < candidates.length; i++) if (candidates[i]!.heardMs < candidates[stalest]!.heardMs) stalest = i
  return stalest
}
