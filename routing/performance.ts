import type { AccountId, CampaignId } from '../model/ids.ts'
import { LastUsed } from '../model/last-used.ts'
import type { Outcome } from '../model/outcome.ts'
import { DecayedCounts } from './decayed-counts.ts'

/** A campaign is measured once it has had so many answered calls, faded as they are. */
const FEWEST_ANSWERED = 50
/** A seller's calls count as if so many more had gone as the campaign's all do. */
const PRIOR_STRENGTH = 25
const LEAST = 500
const MOST = 1500
/** Most pairs of campaign and seller, and most campaigns: past it the one longest without a call is forgotten. */
const MOST_KEPT = 50_000

const ANSWERED = 0
const SOLD = 1

/** How many of a campaign's answered calls are billed or converted, of each seller's calls and of all. */
export class Performance {
  readonly #ofAll: LastUsed<string, DecayedCounts>
  readonly #ofSeller: LastUsed<string, DecayedCounts>

  constructor(mostKept = MOST_KEPT) {
    this.#ofAll = new LastUsed(mostKept)
    this.#ofSeller = new LastUsed(mostKept)
  }

  get size(): number {
    return this.#ofSeller.size
  }

  add({ kind, campaignId, sellerId, atMs, count = 1 }: Outcome): void {
    if (campaignId === null || (kind !== 'answered' && kind !== 'billed' && kind !== 'converted')) return
    const index = kind === 'answered' ? ANSWERED : SOLD
    this.#ofAll.use(campaignId, newCounts).add(atMs, index, count)
    this.#ofSeller.use(pairOf(campaignId, sellerId), newCounts).add(atMs, index, count)
  }

  /** What a campaign's bids are worth for this seller's calls against all its calls, in thousandths: 500 to 1500; 1000 while too little is known. */
  factor(campaignId: CampaignId, sellerId: AccountId, nowMs: number): number {
    const all = this.#ofAll.peek(campaignId)?.read(nowMs)
    const sellers = this.#ofSeller.peek(pairOf(campaignId, sellerId))?.read(nowMs)
    if (all === undefined || sellers === undefined || all[ANSWERED]! < FEWEST_ANSWERED) return 1000
    const mean = Math.min(1, all[SOLD]! / all[ANSWERED]!)
    if (mean === 0) return 1000
    const sold = Math.min(sellers[SOLD]!, sellers[ANSWERED]!)
    const rate = (sold + PRIOR_STRENGTH * mean) / (sellers[ANSWERED]! + PRIOR_STRENGTH)
    return Math.min(MOST, Math.max(LEAST, Math.round((rate / mean) * 1000)))
  }
}

function newCounts(): DecayedCounts {
  return new DecayedCounts(2)
}

function pairOf(campaignId: CampaignId, sellerId: AccountId): string {
  return `${campaignId} ${sellerId}`
}
