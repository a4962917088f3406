import { z } from 'zod'
import type { Account } from '../model/account.ts'
import { ANY_CALL, type Bid, type Campaign } from '../model/bid.ts'
import type { DomainEvent } from '../model/events.ts'
import { newId, type AccountId, type CallId, type CampaignId, type TargetId } from '../model/ids.ts'
import { CENT, formatMoney, type Currency, type Micros } from '../model/money.ts'
import { CriteriaAnswer, CriteriaInput, printCriteria, readCriteria } from './criteria.ts'
import { decodeText, readBody } from './body.ts'
import { crud, given } from './crud.ts'
import { BUYERS, endpoint, type Caller, type Endpoint } from './endpoint.ts'
import { maySee, notFound, ownerOf, type Kit } from './kit.ts'
import { ModifiersAnswer, ModifiersInput, printModifiers, readModifierLines, readModifiers } from './modifiers.ts'
import { ownedThings } from './owned-things.ts'
import { requireMatch } from './preconditions.ts'
import { invalid, Problem } from './problems.ts'
import * as s from './schemas.ts'

const MAX_BILLABLE_AFTER = 3600
/** Ten thousand lines are a fifth of it. */
const MAX_IMPORT_BYTES = 1_000_000

const STATUSES = ['active', 'paused'] as const

const fields = {
  target_id: s.id<TargetId>(),
  campaign_id: s.id<CampaignId>(),
  amount: s.money(CENT),
  billable_after: z.int().min(0).max(MAX_BILLABLE_AFTER),
  criteria: CriteriaInput,
  max_concurrent_calls: z.int().min(1).max(100_000).nullable(),
  modifiers: ModifiersInput.nullable().meta({
    description: 'What the amount is multiplied by, by place, hour and tag; what it comes to is never above the amount',
  }),
  status: z.enum(STATUSES),
}
const Patch = z.strictObject(fields).partial()
const Create = z.strictObject({
  // For administrators whose bid names neither target nor campaign.
  account_id: s.id<AccountId>().optional(),
  target_id: fields.target_id.optional(),
  campaign_id: fields.campaign_id.optional(),
  call_id: s.id<CallId>().optional(),
  amount: fields.amount,
  billable_after: fields.billable_after.default(0),
  criteria: fields.criteria.optional(),
  max_concurrent_calls: fields.max_concurrent_calls.default(null),
  modifiers: fields.modifiers.optional(),
  status: fields.status.default('active'),
})

const Answer = z.strictObject({
  id: s.printedId(),
  account_id: s.printedId(),
  target_id: s.printedId(),
  campaign_id: s.printedId(),
  call_id: s.printedId().nullable(),
  amount: s.printedMoney(),
  currency: z.string(),
  billable_after: z.int(),
  criteria: CriteriaAnswer,
  max_concurrent_calls: z.int().nullable(),
  modifiers: ModifiersAnswer.nullable(),
  status: z.enum(STATUSES),
  ...s.printedStored,
})

const print = (bid: Bid, currency: Currency): z.input<typeof Answer> => ({
  id: bid.id,
  account_id: bid.accountId,
  target_id: bid.targetId,
  campaign_id: bid.campaignId,
  call_id: bid.callId,
  amount: s.printMoney(bid.amountMicros),
  currency,
  billable_after: bid.billableAfter,
  criteria: printCriteria(bid.criteria),
  max_concurrent_calls: bid.maxConcurrentCalls,
  modifiers: bid.modifiers ? printModifiers(bid.modifiers) : null,
  status: bid.status,
  ...s.printStored(bid),
})

/** Bids: what a buyer pays for which calls. */
export function bidEndpoints(kit: Kit): Endpoint[] {
  const { stores } = kit

  const { targetOf, campaignOf, onlyTarget } = ownedThings(kit)

  /** What the campaign's budgets could never pay is a slip: throws 422. */
  async function requirePayable(campaignId: CampaignId, amountMicros: Micros): Promise<void> {
    const budget = (await stores.campaigns.find(campaignId))?.budget
    for (const [name, micros] of Object.entries({ daily: budget?.dailyMicros, total: budget?.totalMicros })) {
      if (micros != null && amountMicros > micros)
        throw invalid('/amount', `is above the campaign’s ${name} budget of ${formatMoney(micros)}`, 'above_budget')
    }
  }

  /** A bid for one call is taken while its auction is open. */
  async function requireOpen(callId: CallId): Promise<void> {
    if (kit.liveBidding.isOpen(callId)) return
    const call = kit.liveCalls.find(callId) ?? (await stores.calls.find(callId))
    if (!call) throw new Problem('not_found', 'There is no such call.')
    throw closed()
  }

  /** It was written down, and had come too late: the auction closed meanwhile, or has as many bids as it takes. */
  async function requireTaken(bid: Bid): Promise<void> {
    if (bid.callId === null || kit.liveBidding.hasTaken(bid.id)) return
    await stores.bids.remove(bid.id)
    throw closed()
  }

  async function ownerOfBid(body: z.output<typeof Create>, caller: Caller): Promise<Account> {
    let accountId = body.account_id
    if (caller.role === 'admin' && accountId === undefined) {
      // An administrator's bid is for whoever its target or campaign belongs to.
      const named =
        body.target_id === undefined
          ? body.campaign_id === undefined
            ? null
            : await stores.campaigns.find(body.campaign_id)
          : await stores.targets.find(body.target_id)
      accountId = named && maySee(caller, named.accountId) ? named.accountId : undefined
      if (!accountId && (body.target_id ?? body.campaign_id)) {
        throw invalid(body.target_id ? '/target_id' : '/campaign_id', 'there is no such thing', 'not_found')
      }
    }
    return ownerOf(kit, caller, accountId, ['buyer'])
  }

  async function zoneOf(id: CampaignId): Promise<Pick<Campaign, 'timezone'>> {
    return (await stores.campaigns.find(id)) ?? { timezone: 'UTC' }
  }

  /** The modifiers of a bid by the line: in place of those it had. */
  const importModifiers = endpoint({
    method: 'post',
    path: '/bids/{id}/modifiers',
    tag: 'bids',
    who: BUYERS,
    summary: 'Replace a bid’s modifiers by CSV lines: kind,value,factor with the kind zip, state, hour or tag',
    streams: ['text/csv', 'text/plain'],
    answers: { 200: Answer },
    async handle({ caller, params, raw, ifMatch }) {
      const current = await stores.bids.find(params['id']!)
      if (!current || !maySee(caller, current.accountId)) throw notFound('bid')
      const version = requireMatch(ifMatch, current.version)
      const text = decodeText(await readBody(raw, MAX_IMPORT_BYTES))
      const modifiers = readModifierLines(text, await zoneOf(current.campaignId))
      const changed = await stores.bids.update(current.id, { modifiers }, version)
      const account = await stores.accounts.find(current.accountId)
      if (!changed || !account) throw notFound('bid')
      return { status: 200, body: print(changed, account.currency), version: changed.version }
    },
  })

  const endpoints = crud(kit, {
    name: 'bids',
    noun: 'bid',
    statuses: STATUSES,
    store: stores.bids,
    who: BUYERS,
    ownerTypes: ['buyer'],
    create: Create,
    patch: Patch,
    answer: Answer,
    owner: ownerOfBid,
    async draft(body, owner) {
      if (body.call_id !== undefined) await requireOpen(body.call_id)
      const targetId = body.target_id ? (await targetOf(owner.id, body.target_id)).id : await onlyTarget(owner.id)
      const criteria = body.criteria ? readCriteria(kit, body.criteria, owner.timezone) : ANY_CALL
      const campaignId = body.campaign_id
        ? (await campaignOf(owner.id, body.campaign_id)).id
        : await stores.defaultCampaign(owner.id)
      await requirePayable(campaignId, body.amount)
      return {
        accountId: owner.id,
        campaignId,
        targetId,
        callId: body.call_id ?? null,
        amountMicros: body.amount,
        billableAfter: body.billable_after,
        criteria,
        maxConcurrentCalls: body.max_concurrent_calls,
        modifiers: body.modifiers ? readModifiers(body.modifiers, await zoneOf(campaignId)) : null,
        status: body.status,
      }
    },
    async changes(body, current) {
      const needsOwner = body.target_id ?? body.campaign_id ?? body.criteria
      const owner = needsOwner === undefined ? null : await stores.accounts.find(current.accountId)
      if (owner && body.target_id) await targetOf(owner.id, body.target_id)
      if (owner && body.campaign_id) await campaignOf(owner.id, body.campaign_id)
      if (body.amount !== undefined || body.campaign_id !== undefined)
        await requirePayable(body.campaign_id ?? current.campaignId, body.amount ?? current.amountMicros)
      return given({
        targetId: body.target_id,
        campaignId: body.campaign_id,
        amountMicros: body.amount,
        billableAfter: body.billable_after,
        criteria: owner && body.criteria ? readCriteria(kit, body.criteria, owner.timezone) : undefined,
        maxConcurrentCalls: body.max_concurrent_calls,
        modifiers:
          body.modifiers && readModifiers(body.modifiers, await zoneOf(body.campaign_id ?? current.campaignId)),
        status: body.status,
      })
    },
    print,
    // Kept before it is known whether the auction took it: a live bid that came too late is announced, and stood for no time.
    announce: (bid, currency) => bidPlaced(kit, bid, currency),
    created: requireTaken,
  })
  return [...endpoints, importModifiers]
}

function closed(): Problem {
  return new Problem('auction_closed', 'The auction of this call is closed.')
}

function bidPlaced(kit: Kit, bid: Bid, currency: Currency): DomainEvent {
  const payload = print(bid, currency)
  return {
    id: newId<string>(kit.clock),
    type: 'bid.placed',
    time: payload.created_at,
    version: 1,
    callId: null,
    payload,
    audience: { buyerIds: [bid.accountId], buyerPayloads: new Map([[bid.accountId, payload]]) },
  }
}
