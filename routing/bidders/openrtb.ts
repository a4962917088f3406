import type { NonBidCode } from '../../model/bid.ts'
import { Answer } from './answer.ts'
import { readOffer } from './offer.ts'
import type { NoticeFacts, Offer, PingFacts, Wire } from './wire.ts'

/** Of an answer's own notice URLs; a longer one is none. */
const MAX_NOTICE_URL = 2048

/**
 * OpenRTB 2.6's shapes for a call: one impression, whose `ext.call` is what is for sale. The reserve and the price rule are not told, as to no buyer;
 * `user.id` is who calls, by the name it has for this buyer today.
 */
export function openRtb(): Wire {
  return {
    body: (facts) => JSON.stringify(bidRequest(facts)),
    read: ({ text, status }, facts) => readResponse(status === 204 ? '' : text, facts),
    noticeUrl({ winUrl, lossUrl }, facts) {
      const url = facts.result === 'win' ? winUrl : lossUrl
      return url === undefined ? null : fillMacros(url, facts)
    },
  }
}

function bidRequest(facts: PingFacts): object {
  const { pingId, caller, callerNumber, areaCode, state, zip, vertical, currency, tags, timeoutMs } = facts
  return {
    id: pingId,
    tmax: timeoutMs,
    cur: [currency],
    imp: [
      {
        id: '1',
        ext: { call: { vertical, area_code: areaCode, ...(callerNumber !== null && { number: callerNumber }), tags } },
      },
    ],
    device: { geo: { country: 'USA', ...(state !== null && { region: state }), ...(zip !== null && { zip }) } },
    user: { ...(caller !== null && { id: caller }) },
  }
}

interface Bid {
  readonly price?: unknown
  readonly impid?: unknown
  readonly nurl?: unknown
  readonly lurl?: unknown
  readonly ext?: { readonly destination?: unknown; readonly billable_after?: unknown } | null
}

/** Of several bids the highest that can be read. */
function readResponse(text: string, { pingId, currency }: PingFacts): Offer | NonBidCode {
  if (text.trim() === '') return 'bidder_no_bid'
  const { json } = new Answer(text)
  if (!isObject(json) || json['id'] !== pingId) return 'bidder_garbage'
  const bids = listOf(json['seatbid']).flatMap((seat) => listOf(seat['bid']))
  if (bids.length === 0) return 'bidder_no_bid'
  // OpenRTB 2.6 §4.3.1: without `cur`, the dollar.
  if ((json['cur'] ?? 'USD') !== currency) return 'currency_mismatch'
  let best: Offer | NonBidCode = 'bidder_no_bid'
  for (const bid of bids) {
    const offer = readBid(bid)
    if (typeof best === 'string') best = offer
    else if (typeof offer !== 'string' && offer.micros > best.micros) best = offer
  }
  return best
}

function readBid({ price, impid, nurl, lurl, ext }: Bid): Offer | NonBidCode {
  if (impid !== '1') return 'bidder_garbage'
  if (typeof price !== 'number' && typeof price !== 'string') return 'bidder_bad_price'
  const said = isObject(ext) ? ext : {}
  const offer = readOffer(String(price), textOf(said['destination']), textOf(said['billable_after']))
  if (typeof offer === 'string') return offer
  return {
    ...offer,
    ...(isNoticeUrl(nurl) && { winUrl: nurl }),
    ...(isNoticeUrl(lurl) && { lossUrl: lurl }),
  }
}

function isNoticeUrl(url: unknown): url is string {
  return typeof url === 'string' && url.length <= MAX_NOTICE_URL
}

/** OpenRTB 2.6 §4.4, as far as it has a meaning for a call. */
function fillMacros(url: string, { pingId, price, currency, code }: NoticeFacts): string {
  const macros: Readonly<Record<string, string>> = {
    AUCTION_ID: pingId,
    AUCTION_IMP_ID: '1',
    AUCTION_PRICE: price,
    AUCTION_CURRENCY: currency,
    AUCTION_LOSS: String(lossCode(code)),
  }
  return url.replaceAll(/\$\{([A-Z_]{1,32})\}/g, (_, name: string) => encodeURIComponent(macros[name] ?? ''))
}

/** OpenRTB's loss reason codes (AdCOM 1.0, List: Loss Reason Codes). */
function lossCode(code: NonBidCode | null): number {
  if (code === null) return 0
  if (code === 'outbid' || code === 'not_reached') return 102
  if (code === 'below_reserve') return 100
  return 1
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function listOf(value: unknown): Record<string, unknown>[] {
  return Array.isArray(value) ? value.filter(isObject) : []
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' || typeof value === 'number' ? String(value) : null
}
