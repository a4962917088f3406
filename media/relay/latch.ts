/** `symmetric`: the first valid source is believed, wherever it is (callers behind NAT). `strict`: only the description's own IP address. */
export type Latching = 'symmetric' | 'strict'

/** Where a description said one stream is; address null when it named a host rather than an address. */
export interface Expected {
  readonly address: string | null
  readonly port: number
  /** False on hold by address (c=0.0.0.0): nothing may be sent there. */
  readonly receives: boolean
}

/**
 * Whom one socket listens to and where it sends (symmetric RTP, RFC 4961). The first valid source is latched and then locked:
 * others are turned away, save one, the very address of the description, which signalling vouches for and a sprayer of packets
 * cannot claim. Nobody is believed before a description has come.
 */
export class Latch {
  /** Where to send; port 0 is nowhere. */
  toAddress = ''
  toPort = 0
  readonly #latching: Latching
  #expected: Expected | null = null
  #sourceAddress: string | null = null
  #sourcePort = 0
  #settled = false

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
      this.#settled = false
    }
    this.#aim()
  }

  /** Whether a valid packet from here is to be passed on. Called for each packet: the locked source is the first thing tried. */
  accepts(address: string, port: number): boolean {
    if (port === this.#sourcePort && address === this.#sourceAddress) return true
    const expected = this.#expected
    if (expected === null) return false
    const isExpected = address === expected.address && port === expected.port
    if (this.#sourceAddress !== null) {
      if (this.#settled || !isExpected) return false
    } else if (this.#latching === 'strict' && address !== expected.address) {
      return false
    }
    this.#sourceAddress = address
    this.#sourcePort = port
    this.#settled = isExpected
    this.#aim()
    return true
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
