import type { Offer } from '../compliance/screening-request.ts'
import type { DialledNumber } from '../model/trunk.ts'

/** What a call to this number is offered as, for whoever judges whether it may be sold. `tags`: with what a ping says of itself. */
export function offerOf({ accountId, id, vertical, tags: own }: DialledNumber, tags: Offer['tags'] = own): Offer {
  return { sellerId: accountId, numberId: id, vertical, tags }
}
