import assert from 'node:assert/strict'
import { createHmac, hkdfSync } from 'node:crypto'
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { createServer, type Socket } from 'node:net'
import { isFault } from '../../../gateway/bidders/bidder-line.ts'
import { requestOf } from '../../../gateway/live-bidding.ts'
import type { Auction } from '../../../model/auction.ts'
import type { AccountId, BidId } from '../../../model/ids.ts'
import { rerunAuction } from '../../../routing/rerun.ts'
import { aBidder } from '../../support/bidder-drafts.ts'
import { BidderStage, type Behaviour } from '../../support/bidder-stage.ts'
import { aBid, aCampaign, anAccount, CALLER, change, dollars, marketOf } from '../../support/market.ts'

const bid =
  (price: number, more: object = {}): Behaviour =>
  () => ({ bid: price, ...more })
const silence: Behaviour = () => undefined

describe('buyers’ HTTP bidders', () => {
  let stage: BidderStage
  beforeEach(() => void (stage = new BidderStage()))
  afterEach(() => stage.close())

  it('are asked together what they pay, and their bids win by the rules of all bids', async () => {
    const [standing, account] = [aBid('standing', 4), anAccount('standing-buyer', { creditLimitMicros: dollars(100) })]
    stage.apply(...marketOf(standing), change.account(account))
    const first = await stage.bidder('high', bid(6, { to: 'sip:pool@buyer.example', after: 45 }))
    await stage.bidder('low', bid(3))
    await stage.bidder('none', bid(0))
    const { call, awards } = await stage.offer()
    assert.deepEqual(
      awards.map(({ bidId, priceMicros, billableAfter }) => [bidId, priceMicros, billableAfter]),
      [
        ['high', dollars(4.01), 45],
        ['standing', dollars(3.01), 30],
        ['low', dollars(1), 30],
      ],
    )
    assert.deepEqual(BidderStage.reasons(call), { none: 'bidder_no_bid' })
    assert.equal(call.round!.destinations.get('high' as BidId), 'sip:pool@buyer.example')
    assert.equal(call.round!.destinations.has('low' as BidId), false)
    assert.ok(call.trace.some(({ step, detail }) => step === 'bidders asked' && detail === '2 bid, 1 did not'))
    assert.equal(first.heard.length, 1)
    const reserved = stage.parts.routing.reserve(awards[0]!, call.id, CALLER, stage.clock.now())
    assert.equal(typeof reserved, 'object')
    stage.over(call)
    assert.equal(stage.parts.routing.reserve(awards[0]!, call.id, CALLER, stage.clock.now()), 'bid_paused', 'forgotten')
  })

  it('hear a name of the caller that is another for each buyer and day, and the number where a campaign exposes it', async () => {
    const [one, other, exposed] = [
      await stage.bidder('one', bid(2)),
      await stage.bidder('other', bid(2)),
      await stage.bidder('exposed', bid(2)),
    ]
    stage.apply(change.campaign(aCampaign('exposed-campaign', 'exposed-buyer', { exposeCaller: true })))
    const ask = async (): Promise<void> => stage.over((await stage.offer()).call)
    await ask()
    await ask()
    stage.clock.nowMs += 86_400_000
    await ask()
    const names = one.bodies.map(({ caller }) => caller!)
    const day = Math.floor((stage.clock.nowMs - 86_400_000) / 86_400_000)
    const key = Buffer.from(hkdfSync('sha256', Buffer.alloc(32, 7), '', `caller one-buyer ${day}`, 32))
    assert.equal(names[0], createHmac('sha256', key).update(CALLER).digest('hex'))
    assert.equal(names[1], names[0])
    assert.notEqual(names[2], names[0])
    assert.notEqual(other.bodies[0]!['caller'], names[0])
    assert.equal(exposed.bodies[0]!['caller'], CALLER)
    for (const { body, url, headers } of [...one.heard, ...other.heard])
      assert.ok(!`${url} ${body} ${JSON.stringify(headers)}`.includes('2125550123'))
    assert.deepEqual([one.bodies[0]!['area'], one.bodies[0]!['state']], ['212', 'NY'])
  })

  it('that answer anything but a bid hold up nobody, and each has its reason', async () => {
    await stage.bidder('good', bid(2))
    await stage.bidder('garbage', (_, response) => void response.end('<html>'))
    await stage.bidder('negative', bid(-2))
    await stage.bidder('above', bid(50.01))
    await stage.bidder('carrier', bid(2, { to: 'sip:1@carrier.example' }))
    await stage.bidder('error', (_, response) => void response.writeHead(500).end('{"bid": 5}'))
    await stage.bidder('moved', (_, response) => void response.writeHead(302, { Location: '/x' }).end())
    await stage.bidder('zipped', (_, response) => void response.writeHead(200, { 'Content-Encoding': 'gzip' }).end('x'))
    await stage.bidder('torn', (_, response) => {
      response.writeHead(200, { 'Content-Length': 100 }).write('{"bid":')
      setImmediate(() => response.destroy())
    })
    const moved = await stage.bidder('long', (_, response) => {
      const piece = Buffer.alloc(65_536, 'x')
      const more = (): void => {
        while (!response.destroyed && response.write(piece));
      }
      response.on('drain', more)
      more()
    })
    stage.addBidder(aBidder('nobody', 'http://127.0.0.1:1/'))
    const { call, awards } = await stage.offer()
    assert.deepEqual(
      awards.map(({ bidId }) => bidId),
      ['good'],
    )
    assert.deepEqual(BidderStage.reasons(call), {
      garbage: 'bidder_garbage',
      negative: 'bidder_bad_price',
      above: 'bidder_price_above_max',
      carrier: 'bidder_bad_destination',
      error: 'bidder_http_error',
      moved: 'bidder_redirected',
      zipped: 'bidder_garbage',
      torn: 'bidder_unreachable',
      long: 'bidder_too_long',
      nobody: 'bidder_unreachable',
    })
    assert.equal(moved.heard.length, 1)
    const state = stage.bidders.stateOf(aBidder('garbage', '').id)!
    assert.deepEqual([state.asked, state.outcomes], [1, { bidder_garbage: 1 }])
  })

  it('that do not answer are given up on at the deadline of the number, whoever else has answered', async () => {
    stage.deadline(60)
    await stage.bidder('slow', silence)
    await stage.bidder('drip', (_, response) => void response.writeHead(200).write('{"bid": 9'))
    const startedMs = performance.now()
    const { call } = await stage.offer()
    assert.ok(performance.now() - startedMs >= 55)
    assert.ok(performance.now() - startedMs < 5000)
    assert.deepEqual(BidderStage.reasons(call), { slow: 'bidder_late', drip: 'bidder_late' })
  })

  it('that answer twice are heard once', async () => {
    const twice = createServer((socket: Socket) => {
      socket.on('error', () => {})
      const answer = (price: number): string => {
        const body = JSON.stringify({ bid: price })
        return `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`
      }
      socket.on('data', () => void socket.write(answer(2) + answer(9)))
    })
    twice.listen(0, '127.0.0.1')
    await once(twice, 'listening')
    const { port } = twice.address() as { port: number }
    stage.addBidder(aBidder('twice', `http://127.0.0.1:${port}/`))
    try {
      for (const round of [1, 2]) {
        const { call, awards } = await stage.offer()
        assert.deepEqual(
          awards.map(({ amountMicros }) => amountMicros),
          [dollars(2)],
          `round ${round}`,
        )
        stage.over(call)
      }
    } finally {
      twice.close()
    }
  })

  it('are not asked for calls they could not win, nor where their number wants none', async () => {
    const none = bid(9)
    const asked = await stage.bidder('asked', none)
    const others = [
      await stage.bidder('paused', none, { status: 'paused' }),
      await stage.bidder('legal', none, { criteria: { verticals: ['legal'], geography: null, timeWindow: null } }),
      await stage.bidder('poor', none),
      await stage.bidder('cheap', none, { maxBidMicros: dollars(0.5) }),
    ]
    stage.apply(change.account(anAccount('poor-buyer', { creditLimitMicros: 0n })))
    const { call } = await stage.offer()
    assert.deepEqual(BidderStage.reasons(call), {
      paused: 'bid_paused',
      poor: 'insufficient_credit',
      cheap: 'below_reserve',
    })
    stage.deadline(0)
    assert.equal(stage.exchange.takeBids(stage.screened()), null)
    assert.equal(asked.heard.length, 1)
    assert.deepEqual(
      others.map(({ heard }) => heard.length),
      [0, 0, 0, 0],
    )
  })

  it('whose target’s or buyer’s places are taken are not asked, and a bidder’s own limit counts all its calls', async () => {
    const server = await stage.bidder('one', bid(9), { maxConcurrentCalls: 1 })
    const { call, awards } = await stage.offer()
    const taken = stage.parts.routing.reserve(awards[0]!, call.id, CALLER, stage.clock.now())
    assert.ok(typeof taken !== 'string')
    const second = await stage.offer()
    assert.deepEqual(BidderStage.reasons(second.call), { one: 'bid_concurrency' })
    taken.release()
    assert.equal((await stage.offer()).awards.length, 1)
    assert.equal(server.heard.length, 2)
  })

  it('at an address of the house are not called, by whatever name', async () => {
    await stage.close()
    stage = new BidderStage({}, [])
    const server = await stage.bidder('loopback', bid(9))
    const { port } = new URL(server.url)
    stage.addBidder(aBidder('named', `http://localhost:${port}/`))
    stage.addBidder(aBidder('six', `http://[::1]:${port}/`))
    stage.addBidder(aBidder('mapped', `http://[::ffff:127.0.0.1]:${port}/`))
    stage.addBidder(aBidder('short', `http://127.1:${port}/`))
    stage.addBidder(aBidder('decimal', `http://2130706433:${port}/`))
    const { call } = await stage.offer()
    const reasons = BidderStage.reasons(call)
    assert.deepEqual(Object.keys(reasons).length, 6)
    assert.deepEqual(new Set(Object.values(reasons)), new Set(['bidder_address_refused']))
    assert.equal(server.heard.length, 0)
  })

  it('that fail half of the time are not asked for a while, then once to see', async () => {
    let isWell = false
    const server = await stage.bidder('ill', (_, response) => {
      if (isWell) return { bid: 2 }
      response.writeHead(503).end()
      return undefined
    })
    const ask = async (): Promise<string | undefined> => {
      const { call, awards } = await stage.offer()
      stage.over(call)
      return awards.length > 0 ? 'bid' : BidderStage.reasons(call)['ill']
    }
    for (let i = 0; i < 10; i++) assert.equal(await ask(), 'bidder_http_error')
    assert.equal(await ask(), 'bidder_circuit_open')
    assert.equal(stage.bidders.openCircuits, 1)
    stage.clock.nowMs += 5000
    assert.equal(await ask(), 'bidder_http_error', 'the probe')
    assert.equal(await ask(), 'bidder_circuit_open')
    stage.clock.nowMs += 5000
    assert.equal(await ask(), 'bidder_circuit_open', 'twice as long')
    isWell = true
    stage.clock.nowMs += 5000
    assert.equal(await ask(), 'bid')
    assert.equal(await ask(), 'bid')
    assert.equal(stage.bidders.openCircuits, 0)
    assert.equal(server.heard.length, 13)
  })

  it('with their most requests under way are not asked for more', async () => {
    await stage.close()
    stage = new BidderStage({ maxUnderWay: 1 })
    const asked = Promise.withResolvers<ServerResponse>()
    await stage.bidder('busy', (_, response) => asked.resolve(response))
    const first = stage.offer()
    const { call } = await stage.offer()
    assert.deepEqual(BidderStage.reasons(call), { busy: 'bidder_busy' })
    ;(await asked.promise).end('{"bid": 2}')
    assert.equal((await first).awards.length, 1)
  })

  it('whose secrets cannot be opened are not asked; the others’ go where their templates say', async () => {
    const server = await stage.bidder('trusting', bid(2))
    const ping = { ...aBidder('x', server.url).ping, headers: { Authorization: 'Bearer {{secret:key}}' } }
    stage.addBidder(aBidder('trusting', server.url, { ping, secrets: { key: stage.secrets.seal('s3cret') } }))
    stage.addBidder(aBidder('moved', server.url, { ping, secrets: { key: 'v1:AAAA' } }))
    const { call } = await stage.offer()
    assert.deepEqual(BidderStage.reasons(call), { moved: 'bidder_unreachable' })
    assert.equal(server.heard.length, 1)
    assert.equal(server.heard[0]!.headers.authorization, 'Bearer s3cret')
    assert.ok(stage.tokens.isOurs(String(server.heard[0]!.headers['x-dce-ping'])))
  })

  it('that a seller gives hardly any time are not to blame: they are asked by others, for as long as ever', async () => {
    let isWell = false
    const server = await stage.bidder('slow', (_, response) => {
      if (isWell) response.writeHead(503).end()
    })
    const { id } = aBidder('slow', '')
    const ask = async (): Promise<string | undefined> => BidderStage.reasons((await stage.offer()).call)['slow']
    stage.deadline(5)
    for (let i = 0; i < 12; i++) assert.equal(await ask(), 'bidder_late')
    assert.deepEqual(
      [stage.bidders.stateOf(id)!.circuit, stage.bidders.stateOf(id)!.p95Ms, stage.bidders.stateOf(id)!.waitsMs],
      ['closed', null, 10_000],
    )
    isWell = true
    stage.deadline(null)
    for (let i = 0; i < 10; i++) assert.equal(await ask(), 'bidder_http_error')
    stage.clock.nowMs += 5000
    const before = server.heard.length
    stage.deadline(5)
    assert.equal(await ask(), 'bidder_circuit_open')
    assert.equal(server.heard.length, before, 'no probe without the whole time')
    stage.deadline(null)
    assert.equal(await ask(), 'bidder_http_error', 'the probe')
  })

  it('that offer less than the reserve take nobody’s place, and that is no fault', async () => {
    await stage.bidder('low', bid(0.5))
    const { call } = await stage.offer()
    assert.deepEqual(BidderStage.reasons(call), { low: 'below_reserve' })
    assert.equal(call.round!.offers.size, 0)
    assert.deepEqual([isFault('below_reserve'), isFault('bidder_busy')], [false, false])
  })

  it('are asked at most a thousand for one call, of each buyer some', async () => {
    for (let i = 0; i < 1010; i++) {
      const changes = i < 1005 ? { accountId: 'many-buyer' as AccountId } : {}
      stage.addBidder(aBidder(`b${i}`, 'http://127.0.0.1:1/', changes))
    }
    const { asked, nonBids } = stage.parts.routing.biddersFor(requestOf(stage.screened()))
    assert.equal(asked.length, 1000)
    for (let i = 1005; i < 1010; i++) assert.ok(asked.includes(aBidder(`b${i}`, '').id))
    assert.deepEqual(
      nonBids.map(({ code }) => code),
      Array(10).fill('bidder_busy'),
    )
  })

  it('that answer once the caller has gone leave nothing, and those that had offered hear that it is lost', async () => {
    const held = Promise.withResolvers<ServerResponse>()
    const early = await stage.bidder('early', (heard) => (heard.method === 'GET' ? {} : { bid: 5 }))
    stage.addBidder(aBidder('early', early.url, { lossUrl: `${early.url}lost/{{reason_code}}` }))
    await stage.bidder('late', (_, response) => held.resolve(response))
    const call = stage.screened()
    const asking = stage.exchange.takeBids(call)!
    const response = await held.promise
    const asked = (id: string): number => stage.bidders.stateOf(aBidder(id, '').id)!.asked
    while (asked('early') === 0) await new Promise((resolve) => setImmediate(resolve))
    const request = requestOf(call)
    call.abandon('cancelled')
    await assert.rejects(asking, { reason: 'cancelled' })
    stage.over(call)
    response.end('{"bid": 9}')
    while (asked('late') === 0) await new Promise((resolve) => setImmediate(resolve))
    assert.deepEqual(stage.parts.routing.auction(request).awards, [])
    await stage.bidders.idle()
    assert.equal(early.heard.at(-1)!.url, '/lost/110')
    assert.equal(stage.bidders.stateOf(aBidder('late', '').id)!.p95Ms, null)
  })

  it('end with the caller who goes', async () => {
    await stage.bidder('slow', silence)
    const call = stage.screened()
    const asking = stage.exchange.takeBids(call)!
    call.abandon('cancelled')
    await assert.rejects(asking, { reason: 'cancelled' })
    stage.over(call)
  })

  it('are not asked again for a caller who comes back by another way while their call is up, or within minutes', async () => {
    const server = await stage.bidder('broker', bid(5))
    await stage.bidder('honest', bid(3))
    const first = await stage.offer()
    const release = stage.bidders.sold(first.awards[0]!, first.call.id, CALLER, first.call.facts!.number!.number)
    const back = await stage.offer()
    assert.equal(BidderStage.reasons(back.call)['broker'], 'bidder_loop')
    assert.deepEqual(
      back.awards.map(({ buyerId }) => buyerId),
      ['honest-buyer' as AccountId],
    )
    release()
    assert.equal((await stage.offer()).awards.length, 2, 'the same caller dials the same number once more')
    assert.equal(server.heard.length, 2)
  })
})

describe('an auction with HTTP bidders', () => {
  it('held again by what it was decided by asks nobody, and comes out the same', async () => {
    const stage = new BidderStage({}, ['127.0.0.0/8'], { keepsInputs: true })
    try {
      await stage.bidder('high', bid(6, { after: 45 }))
      await stage.bidder('low', bid(3))
      const none = await stage.bidder('none', bid(0))
      const { call } = await stage.offer()
      const auction = call.auction!
      stage.over(call)
      const again = rerunAuction(auction.inputs!, auction.id)
      const told = ({ awards, nonBids }: Auction): object => ({
        awards: awards.map(({ id: _id, ...award }) => award),
        nonBids,
      })
      assert.equal(auction.awards.length, 2)
      assert.deepEqual(told(again), told(auction))
      assert.equal(none.heard.length, 1)
    } finally {
      await stage.close()
    }
  })
})
