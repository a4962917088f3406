import type { Offer } from '../compliance/screening-request.ts'
import type { AuctionRequest } from '../routing/auction-request.ts'

/** What a call to this number is offered as, for whoever judges whether it may be sold; `tags`: what a ping said over the number's own. */
export function offerOf({ number, tags }: Pick<AuctionRequest, 'number' | 'tags'>): Offer {
  const { accountId, id, vertical } = number
  return { sellerId: accountId, numberId: id, vertical, tags: tags ? { ...number.tags, ...tags } : number.tags }
}
