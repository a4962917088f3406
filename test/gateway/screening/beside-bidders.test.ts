import assert from 'node:assert/strict'
import type { Contribution, Evidence } from '../../../gateway/screening/evidence.ts'
import { BidderStage, type BidderServer } from '../../support/bidder-stage.ts'
import { aRule, ruleChange } from '../../support/compliance-rules.ts'
import { aCampaign, aNumber, CALLER, change, criteria } from '../../support/market.ts'

/** Nobody waits so long who is not meant to. */
const LONG = 600_000

describe('evidence that is waited for, beside bidders', () => {
  let stage: BidderStage
  let bidder: BidderServer
  let isAsked: Promise<void>
  let answer: (said: Contribution | null) => void

  beforeEach(async () => {
    stage = new BidderStage()
    let ask: () => void
    isAsked = new Promise((resolve) => (ask = resolve))
    bidder = await stage.bidder('good', () => (ask(), { bid: 5 }))
    asks({})
  })
  afterEach(() => stage.close())

  function asks(more: Partial<Evidence>): void {
    stage.asks({
      name: 'signature',
      order: 'before-law',
      deadlineMs: LONG,
      onFailure: 'allow',
      keepsFromBuyers: false,
      gather: () => new Promise((resolve) => (answer = resolve)),
      ...more,
    })
  }

  /** Screened, with the answer that comes when it must; whether bidders had been asked by then. */
  async function screen(said: Contribution | null = null) {
    const call = stage.identified()
    const screening = stage.exchange.screen(call)
    assert.ok(screening instanceof Promise)
    const wasEarly = call.round !== null
    answer(said)
    await screening
    return { call, wasEarly }
  }

  it('has them asked at once, and one round is all there is', async () => {
    const call = stage.identified()
    const screening = stage.exchange.screen(call)
    await isAsked
    answer(null)
    await screening
    await stage.exchange.takeBids(call)
    assert.deepEqual(
      stage.exchange.auction(call).map(({ bidId }) => bidId),
      ['good'],
    )
    assert.equal(bidder.heard.length, 1)
    stage.over(call)
  })

  it('sells nothing it has spoken against, whatever they have bid', async () => {
    const check = {
      check: 'signature',
      effect: 'block',
      rule: 'signature',
      source: 'RFC 8224',
      detail: 'wrong',
    } as const
    const refusal = { reason: 'signature', text: 'Invalid Identity Header' } as const
    const call = stage.identified()
    const screening = stage.exchange.screen(call)
    await isAsked
    answer({ checks: [check], refusal })
    await assert.rejects(async () => screening, { reason: 'signature', message: 'Invalid Identity Header' })
    stage.over(call)
    assert.equal(call.round!.isClosed, true)
  })

  it('ends with the caller who goes', async () => {
    const call = stage.identified()
    const screening = stage.exchange.screen(call)
    call.abandon('cancelled')
    await assert.rejects(async () => screening, { reason: 'cancelled' })
  })

  it('keeps the call from them where it asks whether it may be sold to anybody at all', async () => {
    asks({ keepsFromBuyers: true })
    assert.equal((await screen()).wasEarly, false)
  })

  it('keeps it from them where something known speaks against it, or may for some of them', async () => {
    stage.compliance.apply({ kind: 'dnc', list: 'blocked', add: [CALLER], remove: [] })
    await assert.rejects(screen(), { reason: 'compliance' })
    stage.compliance.apply({ kind: 'dnc', list: 'blocked', add: [], remove: [CALLER] })
    const scope = { buyers: [aCampaign('c', 'somebody').accountId] }
    stage.compliance.apply(ruleChange(aRule('r', { type: 'expression', expression: 'false' }, { scope })))
    const { call, wasEarly } = await screen()
    assert.equal(wasEarly, false)
    assert.equal(bidder.heard.length, 0)
    await stage.exchange.takeBids(call)
    assert.equal(bidder.heard.length, 1)
    stage.over(call)
  })

  it('keeps it from them where one asks for an attestation, until the signature is known', async () => {
    const asking = (minAttestation: 'A' | null) =>
      change.campaign(aCampaign('good-campaign', 'good-buyer', { criteria: criteria({ minAttestation }) }))
    stage.apply(asking('A'))
    const result = {
      verdict: 'passed',
      attestation: 'A',
      origId: null,
      signer: null,
      status: null,
      detail: '',
    } as const
    const { call, wasEarly } = await screen({ request: { signature: { result, assertion: null } } })
    assert.equal(wasEarly, false)
    await stage.exchange.takeBids(call)
    assert.deepEqual(
      stage.exchange.auction(call).map(({ bidId }) => bidId),
      ['good'],
    )
    stage.over(call)
    stage.apply(asking(null))
  })

  it('keeps it from them where one would hear the number itself, or the caller is to be asked first', async () => {
    stage.apply(change.campaign(aCampaign('good-campaign', 'good-buyer', { exposeCaller: true })))
    assert.equal((await screen()).wasEarly, false)
    stage.apply(change.campaign(aCampaign('good-campaign', 'good-buyer')))
    const { call, wasEarly } = await screen()
    assert.equal(wasEarly, true)
    stage.over(call)
    const menu = { prompt: 'menu', choices: [] } as never
    const number = aNumber({ menu })
    stage.apply({ kind: 'number', id: number.id, value: number })
    assert.equal((await screen()).wasEarly, false)
  })
})
