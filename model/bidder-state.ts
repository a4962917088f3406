/** How a bidder has been doing, as this process has seen it since its start. */
export interface BidderState {
  /** `open`: it has failed too often and is not asked; `half_open`: it is asked once, to see. */
  readonly circuit: 'closed' | 'open' | 'half_open'
  /** How long it is waited for at present. */
  readonly waitsMs: number
  /** Of its latest answers; null before the first. */
  readonly p95Ms: number | null
  readonly asked: number
  readonly bids: number
  /** How often what came of it, by reason code. */
  readonly outcomes: Readonly<Record<string, number>>
}
