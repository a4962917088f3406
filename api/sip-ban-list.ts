/** A source the SIP server does not listen to: an address, or the /64 of an IPv6 one. */
export interface SipBan {
  readonly address: string
  readonly offence: 'requests' | 'malformed' | 'authentication' | 'scanner'
  readonly leftMs: number
  /** How often lately, this time included. */
  readonly times: number
  /** Messages dropped since. */
  readonly dropped: number
}
export interface SipBans {
  /** The latest first. */
  list(): Promise<readonly SipBan[]>
  /** False when there is no such ban. */
  lift(address: string): Promise<boolean>
}
