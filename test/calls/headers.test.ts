import assert from 'node:assert/strict'
import type { IncomingCall } from '../../sipp/agents/incoming-call.ts'
import { createUserAgent } from '../../sipp/agents/user-agent.ts'
import { type Exchange, startExchange } from '../support/exchange.ts'
import { Market } from '../support/call-market.ts'

const CALLER_HUNG_UP = { outcome: 'answered', sip_status: 200, end_reason: 'caller_hung_up', hung_up_by: 'caller' }

describe('the headers of a call', function () {
  this.timeout(90_000)
  let exchange: Exchange
  before(async function () {
    exchange = await startExchange(this, { env: { DCE_TELEPHONY_PASS_HEADERS: 'User-to-User, X-Acme-*' } })
  })
  after(() => exchange?.close())

  it('keep a withheld number from the buyer, count a hop, and pass on what is let through and why the caller hung up', async () => {
    const market = await Market.open(exchange)
    const buyer = await market.buyer('uas-private-caller-expect-200.xml')
    await market.call('uac-privacy-expect-200.xml')
    await market.went(buyer.run)
    await market.ended(CALLER_HUNG_UP)
  })

  it('pass on what the carrier has signed, byte for byte, and each field as one (RFC 8224 §4)', async () => {
    const market = await Market.open(exchange)
    const [phone, carrier] = [await createUserAgent(), await createUserAgent({ address: market.address })]
    const passport = (id: number): string =>
      `eyJhbGciOiJFUzI1NiIsInBwdCI6InNoYWtlbiJ9.eyJvcmlnaWQiOiI${id}In0.c2ln_-${id};info=<https://c.example/${id},a.pem>;alg=ES256;ppt="shaken, ${id}"`
    const heard: string[][] = []
    try {
      phone.on('call', (call) => {
        heard.push(call.invite.getAll('identity'), call.invite.getAll('x-acme-tag'))
        call.reject(486)
      })
      await market.standingBid({ host: phone.address, port: phone.port })
      for (const headers of [
        { Identity: passport(1) },
        { Identity: `${passport(1)}\r\nIdentity: ${passport(2)}`, 'X-Acme-Tag': 'a, b\r\nX-Acme-Tag: c' },
      ]) {
        const target = exchange.process.sip()
        const call = carrier.call({ to: market.number, from: '+12125550142', target, headers })
        assert.equal((await call.outcome).status, 486)
      }
      assert.deepEqual(heard, [[passport(1)], [], [passport(1), passport(2)], ['a, b', 'c']])
    } finally {
      await phone.close()
      await carrier.close()
    }
  })

  it('tell the buyer why the caller gave up', async () => {
    const market = await Market.open(exchange)
    const buyer = await market.buyer('uas-cancelled-with-reason-expect-487.xml')
    await market.call('uac-cancel-with-reason-expect-487.xml')
    await market.went(buyer.run)
    await market.ended({ outcome: 'cancelled', sip_status: 487, end_reason: 'cancelled', hung_up_by: 'caller' })
  })

  it('say that it has come too far', async () => {
    const market = await Market.open(exchange)
    await market.call('uac-too-many-hops-expect-483.xml')
    await market.ended({ outcome: 'refused', sip_status: 483, end_reason: 'too_many_hops' })
  })

  it('say how long it may ring, and what privacy it cannot do without', async () => {
    const market = await Market.open(exchange)
    const [carrier, buyer] = [await createUserAgent({ address: market.address }), await createUserAgent()]
    try {
      const rung = new Promise<IncomingCall>((resolve) => buyer.on('call', resolve))
      await market.standingBid({ host: buyer.address, port: buyer.port })
      const place = { to: market.number, from: '+12125550142', target: exchange.process.sip() }
      const call = carrier.call({ ...place, headers: { Expires: '1' } })
      const agent = await rung
      agent.ring()
      assert.equal((await call.outcome).status, 487)
      assert.equal((await agent.ended).cause, 'cancelled')
      await market.ended({ outcome: 'no_answer', sip_status: 487, end_reason: 'invite_expired', hung_up_by: 'caller' })
      const strict = await carrier.call({ ...place, headers: { Privacy: 'critical;onion' } }).outcome
      assert.ok(strict.kind === 'rejected')
      assert.deepEqual([strict.status, strict.reason], [500, 'Privacy not available: onion'])
    } finally {
      await carrier.close()
      await buyer.close()
    }
  })

  it('say that it is to replace a call: none is given away', async () => {
    const market = await Market.open(exchange)
    const carrier = await createUserAgent({ address: market.address })
    try {
      const headers = { Replaces: 'abc@192.0.2.1;to-tag=1;from-tag=2' }
      const target = exchange.process.sip()
      await market.call('uac-replaces-nobody-expect-481.xml')
      await market.ended({ outcome: 'refused', sip_status: 481, end_reason: 'no_such_dialog' })
      for (const bad of [{ Replaces: 'abc' }, { ...headers, Join: headers.Replaces }]) {
        const unreadable = carrier.call({ to: market.number, from: '+12125550142', target, headers: bad })
        assert.equal((await unreadable.outcome).status, 400)
      }
    } finally {
      await carrier.close()
    }
  })

  it('say that it is one of ours, come back by another way: 482', async () => {
    const market = await Market.open(exchange)
    const loop = await Market.open(exchange)
    const [buyer, carrier] = [await createUserAgent(), await createUserAgent({ address: loop.address })]
    try {
      buyer.on('call', (call) => {
        const headers = { 'X-DCE-Call-ID': call.invite.get('x-dce-call-id')! }
        const target = exchange.process.sip()
        const back = carrier.call({ to: loop.number, from: '+12125550142', target, headers })
        void back.outcome.then(({ status }) => call.reject(status))
      })
      await market.standingBid({ host: buyer.address, port: buyer.port })
      await market.call('uac-no-sale-expect-480.xml')
      const record = await market.ended({ outcome: 'failed', sip_status: 480, end_reason: 'all_awards_failed' })
      assert.equal(record.legs[1]?.['sip_status'], 482)
      await loop.ended({ outcome: 'refused', sip_status: 482, end_reason: 'loop' })
    } finally {
      await buyer.close()
      await carrier.close()
    }
  })
})
