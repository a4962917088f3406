import assert from 'node:assert/strict'
import type { Bidder } from '../../../model/bidder.ts'
import { formatMoney } from '../../../model/money.ts'
import { aBidder } from '../../support/bidder-drafts.ts'
import { BidderStage, type Behaviour } from '../../support/bidder-stage.ts'
import { aCampaign, CALLER, change, dollars } from '../../support/market.ts'

const PATIENT_MS = 10_000

/** Bids 5, and does this when it is posted to. */
const posting =
  (posted: Behaviour): Behaviour =>
  (heard, response) =>
    heard.url === '/post' ? posted(heard, response) : heard.method === 'GET' ? {} : { bid: 5 }

const bid5: Behaviour = () => ({ bid: 5 })

function withPost(changes: Partial<Bidder['post'] & object> = {}) {
  return (url: string): Partial<Bidder> => ({
    post: {
      request: {
        method: 'POST',
        url: `${url}post`,
        headers: {},
        body: '{"caller": "{{caller_number}}", "price": "{{price}}", "bid": "{{bid}}"}',
        bodyType: 'json',
      },
      accept: null,
      destination: { json: 'to' },
      timeoutMs: PATIENT_MS,
      ...changes,
    },
    winUrl: `${url}won?price={{price}}&bid={{bid}}`,
    lossUrl: `${url}lost?why={{reason_code}}`,
  })
}

describe('what bidders are told once the auction is over', () => {
  let stage: BidderStage
  beforeEach(() => void (stage = new BidderStage()))
  afterEach(() => stage.close())

  async function bidder(id: string, behaviour: Behaviour, changes = withPost()) {
    const server = await stage.bidder(id, behaviour)
    stage.addBidder(aBidder(id, server.url, { timeoutMs: PATIENT_MS, ...changes(server.url) }))
    return server
  }
  const post = ({ call, awards }: Awaited<ReturnType<BidderStage['offer']>>, setupMs = 60_000) => {
    const deadlineMs = stage.clock.monotonicMs() + setupMs
    const posted = { callId: call.id, caller: CALLER, deadlineMs, gone: call.gone }
    return stage.bidders.post(call.round!, awards[0]!, posted)
  }
  const told = (server: { heard: readonly { url: string; method: string }[] }): string[] =>
    server.heard.filter(({ method }) => method === 'GET').map(({ url }) => url)

  it('is the call itself, when they have won it, and they say where to ring', async () => {
    const server = await bidder(
      'one',
      posting(() => ({ to: '+13125550100' })),
    )
    const offered = await stage.offer()
    assert.equal(await post(offered), null)
    const { body, headers } = server.heard.at(-1)!
    assert.deepEqual(JSON.parse(body), { caller: CALLER, price: '1.00', bid: '5.00' })
    assert.ok(headers['idempotency-key'])
    assert.equal(offered.call.round!.destinations.get(offered.awards[0]!.bidId), '+13125550100')
  })

  it('is the price of a minute where they pay by it, whatever their most would come to', async () => {
    const server = await bidder(
      'one',
      posting(() => ({})),
    )
    const minutes = { type: 'minute', atMax: 'continue', initialSeconds: 60, incrementSeconds: 60 } as const
    // 1,000.00 are there: an hour of its bid, and not of the most it might bid.
    const campaign = aCampaign('one-campaign', 'one-buyer', { pricing: { ...minutes, maxBillableSeconds: 3600 } })
    stage.apply(change.campaign(campaign))
    const offered = await stage.offer()
    const [award] = offered.awards
    assert.ok(award?.minutes, JSON.stringify(BidderStage.reasons(offered.call)))
    await post(offered)
    const price = formatMoney(award.minutes.rateMicros)
    assert.ok(award.minutes.rateMicros < award.priceMicros)
    assert.deepEqual(JSON.parse(server.heard.at(-1)!.body), { caller: CALLER, price, bid: '5.00' })
    offered.call.round!.won(award)
    await stage.bidders.idle()
    assert.deepEqual(told(server), [`/won?price=${price}&bid=5.00`])
  })

  it('is tried again under the same key while nobody answers, four times at most, and not after a no', async () => {
    let tries = 0
    const mended = await bidder(
      'mended',
      posting((_, response) => {
        if (++tries < 3) return void response.writeHead(503).end()
        return { to: 'sip:a@b.example' }
      }),
    )
    assert.equal(await post(await stage.offer()), null)
    const keys = mended.heard.filter(({ url }) => url === '/post').map(({ headers }) => headers['idempotency-key'])
    assert.equal(keys.length, 3)
    assert.equal(new Set(keys).size, 1)

    stage.apply({ kind: 'bidder', id: aBidder('mended', '').id, value: null })
    const broken = await bidder(
      'broken',
      posting((_, response) => void response.socket!.destroy()),
    )
    assert.equal(await post(await stage.offer()), 'bidder_post_failed')
    assert.equal(broken.heard.filter(({ url }) => url === '/post').length, 4)

    stage.apply({ kind: 'bidder', id: aBidder('broken', '').id, value: null })
    const sorry = await bidder(
      'sorry',
      posting(() => ({ taken: false })),
      withPost({ accept: { json: 'taken' } }),
    )
    assert.equal(await post(await stage.offer()), 'bidder_post_refused')
    assert.equal(sorry.heard.filter(({ url }) => url === '/post').length, 1)
  })

  it('has one time for all tries', async () => {
    await bidder(
      'slow',
      posting(() => undefined),
      withPost({ timeoutMs: 50 }),
    )
    const offered = await stage.offer()
    const startedMs = performance.now()
    assert.equal(await post(offered), 'bidder_post_failed')
    assert.ok(performance.now() - startedMs < 5000)
  })

  it('waits for them no longer than the call may take to be set up, and that is no fault of theirs', async () => {
    await bidder(
      'slow',
      posting(() => undefined),
    )
    const startedMs = performance.now()
    for (let i = 0; i < 6; i++) assert.equal(await post(await stage.offer(), 10), 'bidder_post_failed')
    assert.ok(performance.now() - startedMs < 8000)
    assert.equal(stage.bidders.openCircuits, 0)
  })

  it('ends with the caller who goes', async () => {
    const asked = Promise.withResolvers<void>()
    await bidder(
      'slow',
      posting(() => asked.resolve()),
    )
    const offered = await stage.offer()
    const startedMs = performance.now()
    const posted = post(offered)
    await asked.promise
    offered.call.abandon('cancelled')
    assert.equal(await posted, 'not_reached')
    assert.ok(performance.now() - startedMs < 8000)
  })

  it('that they fail to answer each time, bid as they may, keeps them from being asked', async () => {
    await bidder(
      'broken',
      posting((_, response) => void response.writeHead(302).end()),
    )
    for (let i = 0; i < 5; i++) assert.equal(await post(await stage.offer()), 'bidder_post_failed')
    assert.equal(BidderStage.reasons((await stage.offer()).call)['broken'], 'bidder_circuit_open')
  })

  it('bears our own headers, whatever theirs say', async () => {
    const server = await stage.bidder('forger', bid5)
    const headers = { 'x-dce-ping': 'x', 'IDEMPOTENCY-KEY': 'same', 'accept-encoding': 'gzip', accept: 'text/x' }
    const changes = withPost()(server.url)
    const ping = { ...aBidder('forger', server.url).ping, headers }
    const request = { ...changes.post!.request, headers }
    stage.addBidder(aBidder('forger', server.url, { ...changes, ping, post: { ...changes.post!, request } }))
    assert.equal(await post(await stage.offer()), null)
    const [pinged, posted] = server.heard.map((heard) => heard.headers)
    for (const each of [pinged!, posted!]) {
      assert.ok(stage.tokens.isOurs(String(each['x-dce-ping'])))
      assert.deepEqual([each['accept-encoding'], each.accept], ['identity', 'text/x'])
    }
    assert.equal(pinged!['idempotency-key'], undefined)
    assert.match(String(posted!['idempotency-key']), /^[0-9a-f-]{36}$/)
  })

  it('is how their bids ended: a win with its price, a loss with its reason, each once', async () => {
    const winner = await bidder(
      'winner',
      posting(() => ({})),
    )
    const loser = await bidder('loser', (heard) => (heard.method === 'GET' ? {} : { bid: 3 }))
    const low = await bidder('low', (heard) => (heard.method === 'GET' ? {} : { bid: 0.5 }))
    const { call, awards } = await stage.offer()
    assert.equal(call.round!.won(awards[0]!), true)
    assert.equal(call.round!.won(awards[0]!), false)
    call.round!.over()
    stage.over(call)
    await stage.bidders.idle()
    assert.deepEqual(told(winner), ['/won?price=3.01&bid=5.00'])
    assert.deepEqual(told(loser), ['/lost?why=110'])
    assert.deepEqual(told(low), ['/lost?why=101'])
    assert.equal(awards[0]!.priceMicros, dollars(3.01))
  })

  it('is a loss after the win, when their target does not take the call', async () => {
    const server = await bidder(
      'unlucky',
      posting(() => ({})),
    )
    const { call, awards } = await stage.offer()
    call.round!.won(awards[0]!)
    call.lose(awards[0]!, 'ring_failed')
    stage.over(call)
    await stage.bidders.idle()
    assert.deepEqual(told(server).toSorted(), ['/lost?why=610', '/won?price=1.00&bid=5.00'])
  })
})
