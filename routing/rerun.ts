import { strict as assert } from 'node:assert'
import type { Auction } from '../model/auction.ts'
import type { AccountThen, DecisionInputs } from '../model/decision.ts'
import type { AccountId, AuctionId, CampaignId, NumberId, TargetId } from '../model/ids.ts'
import type { PhoneNumber } from '../model/phone-number.ts'
import { BidBook } from './bid-book.ts'
import { Competition } from './competition.ts'
import { AllOutcomes, FIRST_TALK_SECONDS } from './quality.ts'
import { createRouting } from './route-call.ts'

/** As of a target that was never rung, while the exchange has seen few calls. */
const UNKNOWN_SUCCESS = new AllOutcomes().unknownSuccess(0)

/** Who called is not kept; whoever it was, the buyers' memory of that caller is. */
const THE_CALLER = 'the caller' as PhoneNumber

/**
 * Holds an auction again, by the code that holds them and what it was decided by then: the same inputs give the same awards, prices and
 * reasons to the bit. It has the id of the first, which its chance comes from; its awards' ids are their own.
 */
export function rerunAuction(inputs: DecisionInputs, auctionId: AuctionId): Auction {
  const { request, decidedAtMs, maxAwards, maxNonBids, seller, buyers, targets, campaigns, bids } = inputs
  const { receivedAtMs: atMs, isCallerKnown, tags, ...asked } = request
  const book = new BidBook(() => decidedAtMs)
  const available = new Map<AccountId, bigint>()
  const down = new Set<TargetId>()

  function putAccount({ account, usage, availableMicros, contacts }: AccountThen): void {
    book.apply({ kind: 'account', id: account.id, value: account })
    const state = book.accountOf(account.id)
    if (usage !== null) state.usage.putBack(atMs, usage)
    state.callers.putBack(THE_CALLER, contacts)
    if (availableMicros !== null) available.set(account.id, BigInt(availableMicros))
  }
  if (seller !== null) putAccount(seller)
  for (const buyer of buyers) putAccount(buyer)
  const turns = new Map<TargetId, number>()
  const talk = new Map<TargetId, number>()
  for (const { bid, talkSeconds } of bids) if (talkSeconds !== undefined) talk.set(bid.targetId, talkSeconds)
  for (const { target, usage, isDown, unreachable, quality, success, turn } of targets) {
    book.apply({ kind: 'target', id: target.id, value: target })
    book.setUnreachable(target.id, unreachable)
    const state = book.targetOf(target.id)
    if (usage !== null) state.usage.putBack(atMs, usage)
    if (isDown) down.add(target.id)
    turns.set(target.id, turn)
    // What became of its calls is not kept, but what was made of them is.
    state.outcomes = {
      quality: () => quality,
      success: () => success ?? UNKNOWN_SUCCESS,
      talkSeconds: () => talk.get(target.id) ?? FIRST_TALK_SECONDS,
      add: () => {},
      describe: () => assert.fail('nobody asks'),
    }
  }
  const performance = new Map<CampaignId, number>()
  for (const { campaign, usage, pacing, performance: factor } of campaigns) {
    if (factor !== null) performance.set(campaign.id, factor)
    book.apply({ kind: 'campaign', id: campaign.id, value: campaign })
    const state = book.campaignOf(campaign.id)
    state.usage.putBack(atMs, usage)
    // What it has learned of its days is not kept, but what came of it is.
    if (state.pacing !== null) state.pacing = { offer: () => pacing ?? 1000, count: () => {}, configure: () => {} }
  }
  book.openCall(request.callId)
  for (const { bid, inUse } of bids) {
    if (bid.isOffer) {
      book.bidders.putBack(request.callId, bid, inUse)
      continue
    }
    book.apply({ kind: 'bid', id: bid.id, value: bid })
    const standing = book.find(bid.id)
    if (standing !== undefined) standing.places.count = inUse
  }

  let ids = 0
  const needs = {
    availableMicros: (id: AccountId) => available.get(id) ?? 0n,
    isTargetUp: (id: TargetId) => !down.has(id),
    clock: { now: () => decidedAtMs },
    newId: <T extends string>() => (ids++ === 0 ? auctionId : `award-${ids - 1}`) as T,
  }
  const competition = new Competition()
  if (inputs.closed.length > 0) competition.putBack(request.number.id, inputs.closed)
  const learned = {
    book,
    performance: { add: () => {}, factor: (id: CampaignId) => performance.get(id) ?? 1000 },
    competition,
    turns: { lastOf: (_number: NumberId, target: TargetId) => turns.get(target) ?? 0, take: () => {} },
  }
  return createRouting(needs, { maxAwards, maxNonBids }, learned).auction({
    ...asked,
    ani: isCallerKnown ? THE_CALLER : null,
    receivedAtMs: atMs,
    ...(tags !== null && { tags }),
  })
}
