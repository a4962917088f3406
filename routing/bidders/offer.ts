import type { NonBidCode } from '../../model/bid.ts'
import { parseMoney } from '../../model/money.ts'
import { parsePhoneNumber } from '../../model/phone-number.ts'
import { isSipUri } from '../../model/sip-uri.ts'
import type { Offer } from './wire.ts'

/** The longest a call may have to last before it is sold. */
export const MAX_BILLABLE_AFTER = 3600

/** An offer of the texts an answer says it in; null and undefined: it says nothing of it. */
export function readOffer(
  price: string,
  destination: string | null | undefined,
  billableAfter: string | null | undefined,
): Offer | NonBidCode {
  const micros = parseMoney(price.trim())
  if (micros === null) return 'bidder_bad_price'
  if (micros === 0n) return { micros, destination: null, billableAfter: null }
  const isPlaced = destination != null && destination.trim() !== ''
  const place = isPlaced ? readDestination(destination) : null
  if (isPlaced && place === null) return 'bidder_bad_destination'
  const isTimed = billableAfter != null && billableAfter.trim() !== ''
  const seconds = isTimed && /^\d{1,4}$/.test(billableAfter.trim()) ? Number(billableAfter) : null
  if (isTimed && (seconds === null || seconds > MAX_BILLABLE_AFTER)) return 'bidder_garbage'
  return { micros, destination: place, billableAfter: seconds }
}

/** A number in E.164, or a SIP URI; null for anything else. */
export function readDestination(text: string): string | null {
  const trimmed = text.trim()
  if (/^sips?:/i.test(trimmed)) return isSipUri(trimmed) ? trimmed : null
  return parsePhoneNumber(trimmed)
}
