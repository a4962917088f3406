import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Bidder } from '../../../model/bidder.ts'
import { createDialect } from '../../../routing/bidders/dialect.ts'
import type { HttpReply, NoticeFacts, PostFacts } from '../../../routing/bidders/wire.ts'
import { aBidder, pingFacts } from '../../support/bidder-drafts.ts'
import { dollars } from '../../support/market.ts'

/** A whole exchange with a bidder, as docs/bidders.md shows it. */
interface Golden {
  readonly bidder: Partial<Bidder>
  readonly secrets?: Readonly<Record<string, string>>
  readonly ping: object
  readonly answers: readonly { readonly reply: HttpReply; readonly read: unknown }[]
  readonly post?: object
  readonly posted?: readonly { readonly reply: HttpReply; readonly read: unknown }[]
  readonly notices?: { readonly win: string; readonly loss: string }
}

const folder = join(import.meta.dirname, 'golden')
const ok = (value: unknown): HttpReply => ({ status: 200, text: JSON.stringify(value) })

describe('the dialects of bidders', () => {
  for (const file of readdirSync(folder)) {
    it(`are spoken as ${file} says`, () => {
      const golden = JSON.parse(readFileSync(join(folder, file), 'utf8')) as Golden
      const dialect = createDialect(aBidder('b', 'https://b.example/', golden.bidder), golden.secrets ?? {})
      const facts = pingFacts()
      const printed = (value: unknown): unknown =>
        JSON.parse(JSON.stringify(value, (_, each: unknown) => (typeof each === 'bigint' ? String(each) : each)))
      assert.deepEqual(printed(dialect.buildPing(facts)), golden.ping)
      for (const { reply, read } of golden.answers)
        assert.deepEqual(printed(dialect.readPing(reply, facts)), read, reply.text)
      const post: PostFacts = { ...facts, callerNumber: '+12125550123', callId: 'call-1', bid: '2.50', price: '2.01' }
      if (golden.post) assert.deepEqual(printed(dialect.post!.build(post)), golden.post)
      else assert.equal(dialect.post, null)
      for (const { reply, read } of golden.posted ?? []) assert.deepEqual(dialect.post!.read(reply), read, reply.text)
      if (!golden.notices) return
      const offer = dialect.readPing(golden.answers[0]!.reply, facts)
      assert.ok(typeof offer !== 'string')
      const notice: NoticeFacts = { ...facts, result: 'win', bid: '2.50', price: '2.01', code: null, reasonNumber: 0 }
      assert.equal(dialect.noticeUrl(offer, notice), golden.notices.win)
      const loss = { ...notice, result: 'loss', price: '', code: 'outbid', reasonNumber: 100 } as const
      assert.equal(dialect.noticeUrl(offer, loss), golden.notices.loss)
    })
  }

  it('of answers that name their own notice URLs have them called at the bidder’s host only, and no long ones', () => {
    const shown = aBidder('b', 'https://b.example/rtb')
    const dialect = createDialect({ ...shown, dialect: 'openrtb', answer: null }, {})
    const facts = pingFacts()
    const notice: NoticeFacts = { ...facts, result: 'win', bid: '2.50', price: '2.01', code: null, reasonNumber: 0 }
    const urlOf = (nurl: string): string | null => {
      const bid = { impid: '1', price: 2, nurl }
      const offer = dialect.readPing(ok({ id: facts.pingId, cur: 'USD', seatbid: [{ bid: [bid] }] }), facts)
      assert.ok(typeof offer !== 'string')
      return dialect.noticeUrl(offer, notice)
    }
    assert.equal(urlOf('https://b.example:8443/won?p=${AUCTION_PRICE}'), 'https://b.example:8443/won?p=2.01')
    for (const wrong of [
      'https://c.example/won',
      'https://b.example.c.example/',
      'https://c.example@d.example/',
      '/won',
      `https://b.example/${'a'.repeat(2048)}`,
    ])
      assert.equal(urlOf(wrong), null, wrong.slice(0, 40))
  })

  it('have a reason for every answer that is no bid', () => {
    const dialect = createDialect(aBidder('b', 'https://b.example/', { maxBidMicros: dollars(5) }), {})
    const read = (reply: HttpReply): unknown => dialect.readPing(reply, pingFacts())
    for (const [value, code] of [
      [{ bid: 0 }, 'bidder_no_bid'],
      [{}, 'bidder_no_bid'],
      [{ bid: null }, 'bidder_no_bid'],
      [{ bid: -1 }, 'bidder_bad_price'],
      [{ bid: '-0.50' }, 'bidder_bad_price'],
      [{ bid: '1e3' }, 'bidder_bad_price'],
      [{ bid: 1e300 }, 'bidder_bad_price'],
      [{ bid: 'NaN' }, 'bidder_bad_price'],
      [{ bid: '2.50 USD' }, 'bidder_bad_price'],
      [{ bid: 1.0000001 }, 'bidder_bad_price'],
      [{ bid: 5.01 }, 'bidder_price_above_max'],
      [{ bid: 2, to: 'http://x' }, 'bidder_bad_destination'],
      [{ bid: 2, to: 'sip:a@b\r\nX: y' }, 'bidder_bad_destination'],
      [{ bid: 2, to: '911' }, 'bidder_bad_destination'],
      [{ bid: 2, after: -1 }, 'bidder_garbage'],
      [{ bid: 2, after: 3601 }, 'bidder_garbage'],
      [{ bid: 2, after: 'soon' }, 'bidder_garbage'],
    ])
      assert.equal(read(ok(value)), code, JSON.stringify(value))
    for (const [text, code] of [
      ['', 'bidder_no_bid'],
      ['<html>', 'bidder_garbage'],
      ['{"bid": 2', 'bidder_garbage'],
      ['{"bid": 2}{"bid": 3}', 'bidder_garbage'],
      ['\u0000\u0001', 'bidder_garbage'],
      ['[]', 'bidder_no_bid'],
    ] as const)
      assert.equal(read({ status: 200, text }), code, text)
    assert.deepEqual(read(ok({ bid: '2.50', to: '(212) 555-0123', after: '45' })), {
      micros: dollars(2.5),
      destination: '+12125550123',
      billableAfter: 45,
    })
  })
})
