import { z } from 'zod'
import { reverse } from '../accounts/reversal.ts'
import type { Role } from '../model/account.ts'
import type { CallRecord } from '../model/cdr.ts'
import {
  DISPUTE_REASONS,
  DISPUTE_STATES,
  type Dispute,
  type DisputeDecision,
  type PaidByConversion,
} from '../model/dispute.ts'
import type { DomainEvent } from '../model/events.ts'
import { newId, type AccountId, type CallId, type DisputeId } from '../model/ids.ts'
import type { Posting } from '../model/ledger.ts'
import { CENT, type Micros } from '../model/money.ts'
import { mayReadCall } from './call-views.ts'
import { ADMIN, BUYERS, endpoint, EVERYONE, type Caller, type Endpoint } from './endpoint.ts'
import { notFound, type Kit } from './kit.ts'
import type { AnnouncePosting, DisputeFilter } from './needs.ts'
import { postingEvent, viewPosting } from './posting-views.ts'
import { invalid, Problem } from './problems.ts'
import * as s from './schemas.ts'

const DAY_MS = 86_400_000

type Paid = Pick<Dispute, 'chargedMicros' | 'paidMicros'>

const DisputeAnswer = z.strictObject({
  id: s.printedId(),
  call_id: s.printedId(),
  buyer_id: s.printedId().nullable(),
  seller_id: s.printedId().nullable(),
  currency: z.string(),
  charged: s.printedMoney().nullable(),
  paid: s.printedMoney().nullable(),
  reason: z.enum(DISPUTE_REASONS),
  note: z.string(),
  state: z.enum(DISPUTE_STATES),
  opened_at: s.printedTime(),
  decided_at: s.printedTime().nullable(),
  decision: z.string().nullable(),
  credit: s.printedMoney().nullable(),
  clawback: s.printedMoney().nullable(),
})

const Opening = z.strictObject({ reason: z.enum(DISPUTE_REASONS), note: s.text(1000).optional() })
const Decision = z.strictObject({ note: s.text(1000).optional() })
const Acceptance = Decision.extend({
  credit: s
    .money(CENT)
    .optional()
    .meta({ description: 'What the buyer gets back, whole cents; all it paid if left out' }),
})
const Query = z.strictObject({
  ...s.pageQuery,
  state: z.enum(DISPUTE_STATES).optional(),
  call_id: s.id<CallId>().optional(),
})

/**
 * Calls that buyers want their money back for. The operator decides; an accepted one moves the money by a correction in the
 * ledger, written with the decision or not at all. What a campaign has spent of its budget and caps stays spent.
 */
export function disputeEndpoints(kit: Kit): Endpoint[] {
  const { stores } = kit
  const common = { tag: 'disputes', answers: { 200: DisputeAnswer } } as const
  const now = (): Date => new Date(kit.clock.now())

  async function find(caller: Caller, id: string): Promise<Dispute> {
    const dispute = await stores.disputes.find(id as DisputeId)
    if (!dispute || !mayRead(dispute, caller)) throw notFound('dispute')
    return dispute
  }

  async function decide(dispute: Dispute, decision: DisputeDecision, posting: Posting | null): Promise<Dispute> {
    let announced: readonly DomainEvent[] = []
    const announce: AnnouncePosting = (balanceOf) => (announced = eventsOf(kit, dispute, posting!, balanceOf))
    const decided =
      dispute.state === 'open' ? await stores.disputes.decide(dispute.id, decision, posting, announce) : null
    if (!decided) throw new Problem('dispute_decided', 'The dispute is open no more.')
    for (const event of announced) kit.events.publish(event)
    return decided
  }

  /** What was paid for a call, and when it was the last time; null: nothing. */
  async function paidFor(
    { id, priceMicros, payoutMicros }: CallRecord,
    endedAt: Date,
  ): Promise<PaidByConversion | null> {
    return priceMicros > 0n
      ? { chargedMicros: priceMicros, paidMicros: payoutMicros, at: endedAt }
      : stores.disputes.paidByConversion(id)
  }

  /** What the call of an open dispute has cost by now: by conversion a refund may have come since. Throws 409 when that was all. */
  async function paidNow({ callId, chargedMicros, paidMicros, state }: Dispute): Promise<Paid> {
    const call = await stores.calls.find(callId)
    if (state !== 'open' || !call || call.priceMicros > 0n) return { chargedMicros, paidMicros }
    const paid = await stores.disputes.paidByConversion(callId)
    if (!paid) throw new Problem('cannot_dispute', 'What was paid for the call has been refunded.')
    return { chargedMicros: paid.chargedMicros, paidMicros: paid.paidMicros }
  }

  /** The target whose call was not worth its price is the worse for it. */
  function complain(call: CallRecord | null, at: Date): void {
    if (!call?.targetId || !call.campaignId) return
    const { targetId, campaignId, sellerId } = call
    kit.outcomes.learn({ kind: 'complained', atMs: at.getTime(), targetId, campaignId, sellerId })
  }

  /** An end that moves no money. */
  const ending = (verb: string, who: readonly Role[], state: 'rejected' | 'withdrawn', summary: string): Endpoint =>
    endpoint({
      ...common,
      method: 'post',
      path: `/disputes/{id}/${verb}`,
      who,
      summary,
      body: Decision,
      bodyOptional: true,
      answers: { 200: DisputeAnswer, 409: 'It is open no more' },
      async handle({ caller, params, body }) {
        const dispute = await find(caller, params['id']!)
        const { chargedMicros, paidMicros } = dispute
        const nothing = { creditMicros: 0n, clawbackMicros: 0n, postingId: null, chargedMicros, paidMicros }
        const decision = { state, decidedAt: now(), decision: body?.note ?? null, ...nothing }
        return { status: 200, body: view(await decide(dispute, decision, null), caller) }
      },
    })

  return [
    endpoint({
      method: 'post',
      tag: 'disputes',
      path: '/calls/{id}/disputes',
      who: BUYERS,
      summary: 'Ask for a call’s price back, within accounts.dispute_days of its end',
      body: Opening,
      answers: { 201: DisputeAnswer, 409: 'Nothing was paid, it is too late, or it is disputed already' },
      async handle({ caller, params, body }) {
        const call = await stores.calls.find(params['id'] as CallId)
        if (!call || !mayReadCall(call, caller)) throw notFound('call')
        const { buyerId, endedAt } = call
        const paid = endedAt && (await paidFor(call, endedAt))
        if (!buyerId || !paid) throw new Problem('cannot_dispute', 'Nothing was paid for the call.')
        const days = kit.settings.disputeDays
        if (caller.role !== 'admin' && kit.clock.now() > paid.at.getTime() + days * DAY_MS)
          throw new Problem(
            'cannot_dispute',
            `A call can be disputed for ${days} days after its end, one that is paid by conversion after it was last charged.`,
          )
        const dispute: Dispute = {
          id: newId(kit.clock),
          callId: call.id,
          buyerId,
          sellerId: call.sellerId,
          currency: call.currency,
          chargedMicros: paid.chargedMicros,
          paidMicros: paid.paidMicros,
          reason: body.reason,
          note: body.note ?? '',
          state: 'open',
          openedAt: now(),
          decidedAt: null,
          decision: null,
          creditMicros: 0n,
          clawbackMicros: 0n,
          postingId: null,
        }
        await stores.disputes.open(dispute)
        return { status: 201, body: view(dispute, caller) }
      },
    }),
    endpoint({
      ...common,
      method: 'get',
      path: '/disputes',
      who: EVERYONE,
      summary: 'List disputes, newest first',
      query: Query,
      answers: { 200: s.pageOf(DisputeAnswer) },
      async handle({ caller, query }) {
        const filter: DisputeFilter = {
          ...(query.state && { state: query.state }),
          ...(query.call_id && { callId: query.call_id }),
          ...(caller.role === 'buyer' && { buyerId: caller.accountId }),
          ...(caller.role === 'seller' && { sellerId: caller.accountId }),
        }
        const page = await stores.disputes.list(kit.cursors.request('disputes', query), filter)
        return { status: 200, body: kit.cursors.answer('disputes', page, (dispute) => view(dispute, caller)) }
      },
    }),
    endpoint({
      ...common,
      method: 'get',
      path: '/disputes/{id}',
      who: EVERYONE,
      summary: 'Read a dispute',
      async handle({ caller, params }) {
        return { status: 200, body: view(await find(caller, params['id']!), caller) }
      },
    }),
    endpoint({
      ...common,
      method: 'post',
      path: '/disputes/{id}/accept',
      who: ADMIN,
      summary: 'Give the buyer its money back, all or a part; the seller gives back its share of that',
      body: Acceptance,
      bodyOptional: true,
      answers: { 200: DisputeAnswer, 409: 'It is open no more' },
      async handle({ caller, params, body }) {
        const dispute = await find(caller, params['id']!)
        const call = await stores.calls.find(dispute.callId)
        const paid = await paidNow(dispute)
        const creditMicros = creditOf(paid, body?.credit)
        const at = now()
        const { posting, clawbackMicros } = reverse({
          ...dispute,
          ...paid,
          creditMicros,
          at,
          postingId: newId(kit.clock),
          operatorId: kit.house.operatorId,
        })
        const decision: DisputeDecision = {
          state: 'accepted',
          decidedAt: at,
          decision: body?.note ?? null,
          ...paid,
          creditMicros,
          clawbackMicros,
          postingId: posting.id,
        }
        const decided = await decide(dispute, decision, posting)
        complain(call, at)
        return { status: 200, body: view(decided, caller) }
      },
    }),
    ending('reject', ADMIN, 'rejected', 'Leave the money where it is'),
    ending('withdraw', BUYERS, 'withdrawn', 'Take it back'),
  ]
}

function mayRead(dispute: Dispute, { role, accountId }: Caller): boolean {
  return role === 'admin' || (role === 'buyer' ? dispute.buyerId : dispute.sellerId) === accountId
}

function creditOf({ chargedMicros }: Paid, wanted: Micros | undefined): Micros {
  if (wanted === undefined) return chargedMicros
  if (wanted > chargedMicros)
    throw invalid('/credit', `must be at most the ${s.printMoney(chargedMicros)} that were paid`, 'too_big')
  if (wanted % CENT !== 0n) throw invalid('/credit', 'must be whole cents', 'invalid_money')
  return wanted
}

/** Of a correction, what the buyer and the seller are each told. */
function eventsOf(
  kit: Kit,
  { buyerId, sellerId }: Dispute,
  posting: Posting,
  balanceOf: (id: AccountId) => Micros,
): DomainEvent[] {
  return posting.entries.flatMap(({ accountId, amountMicros }) => {
    const type = accountId === buyerId ? 'buyer' : accountId === sellerId ? 'seller' : null
    if (type === null) return []
    const payload = viewPosting(accountId, posting, amountMicros, balanceOf(accountId))
    return [postingEvent(kit, { id: accountId, type }, payload)]
  })
}

/** A seller learns neither who bought the call nor for what; a buyer not what the seller was paid. */
function view(dispute: Dispute, { role }: Caller): z.input<typeof DisputeAnswer> {
  const isSeller = role === 'seller'
  const isBuyer = role === 'buyer'
  return {
    id: dispute.id,
    call_id: dispute.callId,
    buyer_id: isSeller ? null : dispute.buyerId,
    seller_id: isBuyer ? null : dispute.sellerId,
    currency: dispute.currency,
    charged: isSeller ? null : s.printMoney(dispute.chargedMicros),
    paid: isBuyer ? null : s.printMoney(dispute.paidMicros),
    reason: dispute.reason,
    note: isSeller ? '' : dispute.note,
    state: dispute.state,
    opened_at: s.printTime(dispute.openedAt),
    decided_at: s.printTime(dispute.decidedAt),
    decision: dispute.decision,
    credit: isSeller ? null : s.printMoney(dispute.creditMicros),
    clawback: isBuyer ? null : s.printMoney(dispute.clawbackMicros),
  }
}
