import type { GatewayRecord } from '../../gateway/needs.ts'
import { OPERATOR_ACCOUNT_ID } from '../../storage/house-accounts.ts'
import type { Auction } from '../../model/auction.ts'
import type { CallRecord, DialogState, SoldTerms } from '../../model/cdr.ts'
import { newId } from '../../model/ids.ts'
import type {
  AccountId,
  AuctionId,
  AwardId,
  BidId,
  CallId,
  CampaignId,
  HoldId,
  NumberId,
  PostingId,
  TargetId,
  TrunkId,
} from '../../model/ids.ts'
import type { Hold, Posting } from '../../model/ledger.ts'
import type { PhoneNumber } from '../../model/phone-number.ts'

export const BUYER = newId<AccountId>()
export const SELLER = newId<AccountId>()
export { OPERATOR_ACCOUNT_ID }

/** A call as it stands when its first award is rung. */
export function callRecord(changes: Partial<CallRecord> = {}): CallRecord {
  return {
    id: newId<CallId>(),
    state: 'ringing',
    outcome: null,
    ani: '+12125550123' as PhoneNumber,
    dnis: '+18005550100',
    trunkId: newId<TrunkId>(),
    sellerId: SELLER,
    numberId: newId<NumberId>(),
    buyerId: BUYER,
    campaignId: newId<CampaignId>(),
    bidId: newId<BidId>(),
    targetId: newId<TargetId>(),
    auctionId: newId<AuctionId>(),
    vertical: 'insurance',
    trafficType: 'inbound',
    receivedAt: new Date(),
    ringingAt: null,
    answeredAt: null,
    aliveAt: null,
    endedAt: null,
    durationMs: 0,
    billableMs: 0,
    currency: 'USD',
    priceMicros: 0n,
    payoutMicros: 0n,
    sipStatus: null,
    endReason: null,
    hungUpBy: null,
    legs: [
      {
        side: 'caller',
        sipCallId: 'a84b4c76e66710@example.com',
        sipCallIds: ['a84b4c76e66710@example.com'],
        trunkId: null,
        awardId: null,
        bidId: null,
        targetId: null,
        uri: 'sip:+18005550100@example.com',
        invitedAt: new Date(),
        ringingAt: null,
        answeredAt: null,
        endedAt: null,
        sipStatus: null,
        media: { packetsReceived: 1, packetsLost: 0, octetsReceived: 160, jitterMs: 0.5 },
      },
    ],
    checks: [
      {
        check: 'calling-hours',
        effect: 'allow',
        rule: 'tcpa.hours',
        source: '47 CFR 64.1200(c)(1)',
        detail: 'within hours',
      },
    ],
    trace: [{ atMs: 0.25, step: 'auction', detail: 'sold' }],
    ...changes,
  }
}

export function auctionOf(call: CallRecord): Auction {
  return {
    id: call.auctionId!,
    callId: call.id,
    numberId: call.numberId!,
    vertical: 'insurance',
    currency: 'USD',
    reservePriceMicros: 1_000_000n,
    priceRule: 'second',
    awards: [
      {
        id: newId<AwardId>(),
        rank: 1,
        bidId: call.bidId!,
        campaignId: call.campaignId!,
        buyerId: BUYER,
        targetId: call.targetId!,
        amountMicros: 20_000_000n,
        score: 20_000_000_000n,
        priceMicros: 10_000_000n,
        billableAfter: 30,
      },
    ],
    nonBids: [{ bidId: newId<BidId>(), campaignId: call.campaignId!, buyerId: BUYER, code: 'outbid' }],
    nonBidsOmitted: 3,
    decidedAt: new Date(),
  }
}

export function holdOf(call: CallRecord): Hold {
  return {
    id: newId<HoldId>(),
    callId: call.id,
    accountId: BUYER,
    currency: 'USD',
    amountMicros: 10_000_000n,
    heldAt: new Date(),
  }
}

export function termsOf(call: CallRecord, hold: Hold): SoldTerms {
  return {
    awardId: newId<AwardId>(),
    holdId: hold.id,
    buyerId: BUYER,
    sellerId: SELLER,
    campaignId: call.campaignId!,
    currency: 'USD',
    priceMicros: 10_000_000n,
    billableAfter: 30,
    payout: { type: 'share', shareMillionths: 800_000n },
  }
}

export const DIALOG: DialogState = {
  callId: 'a84b4c76e66710@example.com',
  localUri: 'sip:+18005550100@example.com',
  localTag: 'l',
  remoteUri: 'sip:+12125550123@example.com',
  remoteTag: 'r',
  remoteTarget: 'sip:carrier@192.0.2.1',
  routeSet: ['<sip:proxy.example.com;lr>'],
  localCSeq: 1,
}

export function soldRecord(
  call: CallRecord,
  changes: Partial<Extract<GatewayRecord, { kind: 'sold' }>> = {},
): Extract<GatewayRecord, { kind: 'sold' }> {
  const hold = holdOf(call)
  return {
    kind: 'sold',
    call,
    auction: auctionOf(call),
    hold,
    terms: termsOf(call, hold),
    callerDialog: null,
    buyerDialog: null,
    ...changes,
  }
}

/** $10.00 from the buyer: $8.00 to the seller, $2.00 to the house. */
export function postingOf(call: CallRecord): Posting {
  return {
    id: newId<PostingId>(),
    kind: 'call',
    callId: call.id,
    currency: 'USD',
    reference: call.id,
    entries: [
      { accountId: BUYER, amountMicros: -10_000_000n },
      { accountId: SELLER, amountMicros: 8_000_000n },
      { accountId: OPERATOR_ACCOUNT_ID, amountMicros: 2_000_000n },
    ],
    postedAt: new Date(),
  }
}

export function endedCall(call: CallRecord): CallRecord {
  const now = new Date()
  return {
    ...call,
    state: 'ended',
    outcome: 'answered',
    answeredAt: now,
    endedAt: now,
    durationMs: 31_000.5,
    billableMs: 31_000.5,
    priceMicros: 10_000_000n,
    payoutMicros: 8_000_000n,
    sipStatus: 200,
    endReason: 'caller_hung_up',
    hungUpBy: 'caller',
  }
}

export function endedRecord(
  call: CallRecord,
  changes: Partial<Extract<GatewayRecord, { kind: 'ended' }>> = {},
): Extract<GatewayRecord, { kind: 'ended' }> {
  return {
    kind: 'ended',
    call: endedCall(call),
    auction: null,
    audit: {
      callId: call.id,
      number: call.ani,
      at: call.receivedAt,
      inputs: {
        leg: 'inbound',
        sellerId: call.sellerId,
        trunkId: call.trunkId,
        numberId: call.numberId!,
        vertical: 'legal',
      },
      checks: call.checks,
    },
    posting: postingOf(call),
    ...changes,
  }
}

/** The accounts that the records name, straight into the tables. */
export async function insertAccounts(queries: {
  rows(text: string, values?: readonly unknown[]): Promise<unknown>
}): Promise<void> {
  await queries.rows(
    `insert into accounts (id, type, name, status, currency, timezone, created_at, updated_at)
     values ($1, 'buyer', 'Buyer', 'active', 'USD', 'America/New_York', now(), now()), ($2, 'seller', 'Seller', 'active', 'USD', 'America/New_York', now(), now())`,
    [BUYER, SELLER],
  )
}
