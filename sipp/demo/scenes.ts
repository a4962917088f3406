import { answers, busy, neverAnswers } from '../agents/answerers.ts'
import type { CallerBehaviour } from '../agents/callers.ts'
import type { RtpEngine } from '../agents/rtp-engine.ts'
import type { DemoMarket } from './market.ts'

/** One sample call: what is dialled, by whom, and how it ought to come out. */
export interface SceneCall {
  readonly title: string
  readonly from: string
  readonly to: string
  readonly behaviour: CallerBehaviour
  readonly expect: { readonly status: number; readonly endReason: string; readonly billed?: boolean }
}

/** Calls that belong together, placed one after the other; `prepare` changes the market before a call. */
export interface Scene {
  readonly calls: readonly (SceneCall & { readonly prepare?: () => Promise<unknown> })[]
}

/** Just past a billable duration of one second. */
const TALK_MS = 1100

const ANSWERED = { status: 200, endReason: 'caller_hung_up', billed: true } as const

/** Builds the market of every scene through the API, as buyers and sellers would. */
export async function buildScenes(market: DemoMarket, media: RtpEngine): Promise<Scene[]> {
  const built = await Promise.all([
    wonThenOutbid(market, media),
    refusedByHours(market),
    refusedByLists(market),
    busyThenNext(market),
    noAnswerThenNext(market),
    cancelled(market),
    Promise.resolve(unknownNumber()),
    overLimit(market),
    budgetExhausted(market),
    tooShort(market),
    wrongState(market),
  ])
  return built
}

async function wonThenOutbid(market: DemoMarket, media: RtpEngine): Promise<Scene> {
  const to = await market.number('plumbing')
  const pipes = await market.buyer('Pipe Masters', answers({ answerAfterMs: 100, media }))
  const drains = await market.buyer('Drain Kings', answers({ answerAfterMs: 100, media }))
  await market.bid(pipes, 'plumbing', '12.00')
  const lower = await market.bid(drains, 'plumbing', '8.00')
  const call = { to, behaviour: { media, hangUpAfterMs: TALK_MS }, expect: ANSWERED }
  return {
    calls: [
      { ...call, title: 'won: the highest bid pays a cent above the second', from: '+12125550101' },
      {
        ...call,
        title: 'outbid: the other buyer has raised its bid',
        from: '+12125550102',
        prepare: () => market.api.request('PATCH', `/api/v1/bids/${lower.id}`, { amount: '15.00' }),
      },
    ],
  }
}

/** Places whose nights, between them, cover the day but for an hour or two; then nobody's place is known, which blocks too. */
const EVERYWHERE = ['+16715550103', '+18085550103', '+12125550103', '+19075550103', '+17875550103', '+18665550103']

async function refusedByHours(market: DemoMarket): Promise<Scene> {
  const to = await market.number('solar', { traffic_type: 'transfer' })
  let from = EVERYWHERE.at(-1)!
  for (const phone_number of EVERYWHERE) {
    const { allowed } = await market.api.request<{ allowed: boolean }>('POST', '/api/v1/debug/compliance/tcpa', {
      phone_number,
      time: new Date().toISOString(),
      leg: 'transfer',
    })
    if (allowed) continue
    from = phone_number
    break
  }
  const title = 'refused by hours: a transferred caller whose clock says no'
  return { calls: [{ title, from, to, behaviour: {}, expect: { status: 603, endReason: 'compliance' } }] }
}

async function refusedByLists(market: DemoMarket): Promise<Scene> {
  const to = await market.number('insurance', { traffic_type: 'transfer' })
  const open = await market.number('legal')
  await market.api.create('dnc', { number: '+13055550104', list: 'internal', reason: 'asked not to be called' })
  await market.api.create('dnc', { number: '+13055550105', list: 'blocked', reason: 'nuisance' })
  const expect = { status: 603, endReason: 'compliance' } as const
  return {
    calls: [
      { title: 'refused by do-not-call: the consumer is on our list', from: '+13055550104', to, behaviour: {}, expect },
      { title: 'refused: a blocked caller, on any number', from: '+13055550105', to: open, behaviour: {}, expect },
    ],
  }
}

async function busyThenNext(market: DemoMarket): Promise<Scene> {
  const to = await market.number('roofing')
  await market.bid(await market.buyer('Busy Roofers', busy()), 'roofing', '20.00')
  await market.bid(await market.buyer('Ready Roofers', answers({ answerAfterMs: 50 })), 'roofing', '11.00')
  const title = 'buyer busy: the next award is rung at its own price'
  return { calls: [{ title, from: '+12145550106', to, behaviour: { hangUpAfterMs: TALK_MS }, expect: ANSWERED }] }
}

async function noAnswerThenNext(market: DemoMarket): Promise<Scene> {
  const to = await market.number('moving')
  await market.bid(await market.buyer('Sleepy Movers', neverAnswers(), 1), 'moving', '20.00')
  await market.bid(await market.buyer('Early Movers', answers({ answerAfterMs: 50 })), 'moving', '9.00')
  const title = 'no answer: rung for its second, then the next'
  return { calls: [{ title, from: '+16175550107', to, behaviour: { hangUpAfterMs: TALK_MS }, expect: ANSWERED }] }
}

async function cancelled(market: DemoMarket): Promise<Scene> {
  const to = await market.number('locksmith')
  await market.bid(await market.buyer('Slow Locks', neverAnswers()), 'locksmith', '6.00')
  const title = 'cancelled: the caller gives up while it rings'
  const expect = { status: 487, endReason: 'cancelled' } as const
  return { calls: [{ title, from: '+13125550108', to, behaviour: { cancelAfterMs: 400 }, expect }] }
}

function unknownNumber(): Scene {
  const title = 'unknown number: nobody sells it'
  const expect = { status: 404, endReason: 'unknown_number' } as const
  return { calls: [{ title, from: '+14155550109', to: '+18885559999', behaviour: {}, expect }] }
}

async function overLimit(market: DemoMarket): Promise<Scene> {
  const { api } = market
  const seller = await api.create('accounts', { type: 'seller', name: 'Tiny Leads' })
  // The same address as the other seller's: the number that is dialled tells whose call it is.
  await api.create('trunks', {
    account_id: seller.id,
    name: 'Tiny carrier',
    direction: 'inbound',
    addresses: ['127.0.0.1'],
    max_cps: 1,
    max_concurrent_calls: 1,
  })
  const to = '+18885550900'
  await api.create('numbers', { number: to, account_id: seller.id, vertical: 'towing', reserve_price: '1.00' })
  const noSale = { status: 480, endReason: 'no_sale' } as const
  return {
    calls: [
      { title: 'no sale: nobody bids on towing', from: '+17025550110', to, behaviour: {}, expect: noSale },
      {
        title: 'over limit: a second call within the second on a trunk of one',
        from: '+17025550111',
        to,
        behaviour: {},
        expect: { status: 503, endReason: 'trunk_limit' },
      },
    ],
  }
}

async function budgetExhausted(market: DemoMarket): Promise<Scene> {
  const to = await market.number('dental', { price_rule: 'first' })
  const buyer = await market.buyer('Small Smiles', answers({ answerAfterMs: 50 }))
  const campaign = await market.api.create('campaigns', {
    account_id: buyer.id,
    name: 'one call a day',
    status: 'active',
    budget: { daily: '10.00' },
  })
  await market.bid(buyer, 'dental', '7.50', { campaign_id: campaign.id })
  const behaviour = { hangUpAfterMs: TALK_MS }
  return {
    calls: [
      { title: 'within budget: first price, the whole bid', from: '+12065550112', to, behaviour, expect: ANSWERED },
      {
        title: 'budget exhausted: the day’s money is spent',
        from: '+12065550113',
        to,
        behaviour: {},
        expect: { status: 480, endReason: 'no_sale' },
      },
    ],
  }
}

async function tooShort(market: DemoMarket): Promise<Scene> {
  const to = await market.number('hvac')
  const buyer = await market.buyer('Quick Heating', answers({ answerAfterMs: 50, hangUpAfterMs: 300 }))
  await market.bid(buyer, 'hvac', '30.00', { billable_after: 90 })
  const title = 'too short: the buyer hangs up before the 90th second and pays nothing'
  const expect = { status: 200, endReason: 'buyer_hung_up', billed: false } as const
  return { calls: [{ title, from: '+16025550114', to, behaviour: {}, expect }] }
}

async function wrongState(market: DemoMarket): Promise<Scene> {
  const to = await market.number('pest_control')
  const buyer = await market.buyer('Texas Pests', answers())
  await market.bid(buyer, 'pest_control', '5.00', { geography: { states: ['TX'] } })
  const title = 'wrong state: a Californian caller, a Texan bid'
  const expect = { status: 480, endReason: 'no_sale' } as const
  return { calls: [{ title, from: '+14155550115', to, behaviour: {}, expect }] }
}
