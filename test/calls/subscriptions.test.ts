import assert from 'node:assert/strict'
import type { SipMessage } from '../../gateway/sip-server/message.ts'
import { Market } from '../support/call-market.ts'
import { eventually, type Exchange, requireEmbeddedSip, startExchange } from '../support/exchange.ts'
import { hireAgent, hireColleague, Phone } from '../support/registered-phone.ts'

const EVENT = 'Event: presence'
const ACTIVE = 'Subscription-State: active;expires=120'
const ENDED = 'Subscription-State: terminated;reason=noresource'
const SUBSCRIBE = { headers: [EVENT, 'Expires: 120', 'Accept: application/pidf+xml'] }

describe('a SUBSCRIBE outside calls', function () {
  this.timeout(90_000)
  let exchange: Exchange
  let market: Market
  const phones: Phone[] = []
  before(async function () {
    exchange = await startExchange(this)
    market = await Market.open(exchange)
  })
  afterEach(async () => {
    for (const phone of phones.splice(0)) await phone.close()
  })
  after(async () => {
    await market?.close()
    await exchange?.close()
  })

  async function registered(username: string): Promise<Phone> {
    const phone = await Phone.open(exchange, username)
    phones.push(phone)
    await phone.register()
    return phone
  }
  async function colleagues() {
    const { username, buyer } = await hireAgent(market)
    const other = await hireColleague(market, buyer)
    return { username, other, phone: await registered(username), desk: await registered(other) }
  }

  /** The desk takes a SUBSCRIBE in and grants what was asked for. */
  async function grant(desk: Phone, status = 200): Promise<SipMessage> {
    const request = await desk.peer.receive('SUBSCRIBE')
    desk.peer.reply(request, status, 'OK', { headers: [`Expires: ${request.get('expires')}`] })
    return request
  }
  /** The desk says something, and the phone hears it. Resolves to what the phone got, and what the desk heard of that. */
  async function notified(desk: Phone, phone: Phone, subscribe: SipMessage, cseq: number, state: string, answer = 200) {
    desk.peer.requestAsCallee('NOTIFY', subscribe, {
      cseq,
      headers: [EVENT, state],
      body: '<presence/>',
    })
    const heard = await phone.peer.receive('NOTIFY')
    phone.peer.reply(heard, answer, 'OK')
    return { heard, told: await desk.peer.receive('final', { method: 'NOTIFY' }) }
  }
  const count = (): Promise<number> => exchange.metric('dce_sip_subscriptions')

  it('makes a subscription: what the colleague notifies comes through, until it ends it', async () => {
    const { username, other, phone, desk } = await colleagues()
    const before = await count()
    const answered = phone.askWithPassword('SUBSCRIBE', `sip:${other}@dce`, SUBSCRIBE)
    const subscribe = await grant(desk, 202)
    const accepted = await answered
    assert.deepEqual([accepted.status, accepted.get('expires')], [202, '120'])
    assert.deepEqual(accepted.getAll('allow-events'), ['dialog', 'message-summary', 'presence'])
    assert.match(subscribe.get('from')!, new RegExp(`<sip:${username}@dce>;tag=`))
    assert.deepEqual(
      ['event', 'expires', 'accept', 'max-forwards', 'authorization'].map((name) => subscribe.get(name)),
      ['presence', '120', 'application/pidf+xml', '69', undefined],
    )
    assert.ok(!JSON.stringify(subscribe.headers).includes(String(phone.peer.port)))
    const { heard, told } = await notified(desk, phone, subscribe, 1, ACTIVE)
    assert.equal(told.status, 200)
    assert.deepEqual([heard.fromTag, heard.callId], [accepted.toTag, accepted.callId])
    assert.deepEqual([heard.body, heard.get('content-type')], ['<presence/>', 'application/sdp'])
    assert.deepEqual([heard.get('event'), heard.get('subscription-state')], ['presence', 'active;expires=120'])
    assert.ok(!JSON.stringify(heard.headers).includes(String(desk.peer.port)))
    assert.equal(await count(), before + 1)
    assert.equal((await notified(desk, phone, subscribe, 2, ENDED)).told.status, 200)
    await eventually(
      async () => ((await count()) === before ? true : undefined),
      () => 'the subscription is still there',
    )
    desk.peer.requestAsCallee('NOTIFY', subscribe, { cseq: 3, headers: [EVENT, ACTIVE] })
    await desk.peer.receive(481)
  })

  it('is refreshed and ended within its dialog by the subscriber', async () => {
    const { other, phone, desk } = await colleagues()
    const answered = phone.askWithPassword('SUBSCRIBE', `sip:${other}@dce`, SUBSCRIBE)
    const first = await grant(desk)
    const accepted = await answered
    const again = async (cseq: number, expires: number): Promise<[SipMessage, SipMessage]> => {
      phone.peer.requestAsCaller('SUBSCRIBE', accepted, { cseq, headers: [EVENT, `Expires: ${expires}`] })
      const refresh = await grant(desk)
      return [refresh, await phone.peer.receive(200, { method: 'SUBSCRIBE' })]
    }
    const [refresh, refreshed] = await again(3, 90)
    assert.deepEqual([refresh.callId, refresh.fromTag, refresh.toTag], [first.callId, first.fromTag, 'peer-tag'])
    assert.equal(refreshed.get('expires'), '90')
    phone.peer.requestAsCaller('SUBSCRIBE', accepted, { cseq: 4, headers: [EVENT, 'Expires: 5'] })
    assert.equal((await phone.peer.receive(423)).get('min-expires'), '60')
    const [, ended] = await again(5, 0)
    assert.equal(ended.get('expires'), '0')
    await notified(desk, phone, first, 1, ENDED)
    phone.peer.requestAsCaller('SUBSCRIBE', accepted, { cseq: 6, headers: [EVENT, 'Expires: 90'] })
    await phone.peer.receive(481)
  })

  it('hears a NOTIFY that was faster than the answer, after the answer', async () => {
    const { other, phone, desk } = await colleagues()
    const answered = phone.askWithPassword('SUBSCRIBE', `sip:${other}@dce`, SUBSCRIBE)
    const subscribe = await desk.peer.receive('SUBSCRIBE')
    desk.peer.requestAsCallee('NOTIFY', subscribe, { cseq: 1, headers: [EVENT, ACTIVE] })
    desk.peer.reply(subscribe, 200, 'OK', { headers: ['Expires: 120'] })
    const notify = await phone.peer.receive('NOTIFY')
    assert.equal((await answered).status, 200)
    assert.deepEqual(
      phone.peer.received.slice(-2).map((message) => message.method || message.status),
      [200, 'NOTIFY'],
    )
    phone.peer.reply(notify, 200, 'OK')
    await desk.peer.receive(200, { method: 'NOTIFY' })
  })

  it('ends for the colleague when the subscriber knows nothing of it any more', async () => {
    const { other, phone, desk } = await colleagues()
    const answered = phone.askWithPassword('SUBSCRIBE', `sip:${other}@dce`, SUBSCRIBE)
    const subscribe = await grant(desk)
    await answered
    assert.equal((await notified(desk, phone, subscribe, 1, ACTIVE, 481)).told.status, 481)
    desk.peer.requestAsCallee('NOTIFY', subscribe, { cseq: 2, headers: [EVENT, ACTIVE] })
    await desk.peer.receive(481)
  })

  it('ends for the subscriber when the colleague knows nothing of it any more', async () => {
    const { other, phone, desk } = await colleagues()
    const answered = phone.askWithPassword('SUBSCRIBE', `sip:${other}@dce`, SUBSCRIBE)
    await grant(desk)
    const accepted = await answered
    phone.peer.requestAsCaller('SUBSCRIBE', accepted, { cseq: 3, headers: [EVENT, 'Expires: 120'] })
    desk.peer.reply(await desk.peer.receive('SUBSCRIBE'), 481, 'Gone')
    await phone.peer.receive(481)
  })

  it('goes to the next phone of the colleague when the first does not serve the event', async () => {
    const { other, phone, desk } = await colleagues()
    await desk.register({ contact: `${desk.contact};q=0.9` })
    const second = await registered(other)
    await second.register({ contact: `${second.contact};q=0.2` })
    const answered = phone.askWithPassword('SUBSCRIBE', `sip:${other}@dce`, SUBSCRIBE)
    desk.peer.reply(await desk.peer.receive('SUBSCRIBE'), 489, 'Bad Event')
    const subscribe = await grant(second)
    assert.equal((await answered).status, 200)
    await notified(second, phone, subscribe, 1, ENDED)
  })

  it('is played by a trunk of the same seller: begun, refreshed, ended', async () => {
    const user = await hireColleague(market, market.seller)
    const desk = await registered(user)
    const played = market.call('uac-subscribe-expect-200.xml', { service: user })
    const first = await grant(desk)
    const states = [ACTIVE, ACTIVE, ENDED]
    for (const [n, state] of states.entries()) {
      if (n > 0) await grant(desk)
      desk.peer.requestAsCallee('NOTIFY', first, { cseq: n + 1, headers: [EVENT, state] })
      await desk.peer.receive(200, { method: 'NOTIFY' })
    }
    await played
  })

  it('is refused with what the phone said, or with 480', async () => {
    const { other, phone, desk } = await colleagues()
    for (const [said, status] of [
      [489, 489],
      [603, 603],
      [302, 480],
      [401, 403],
    ] as const) {
      const answered = phone.askWithPassword('SUBSCRIBE', `sip:${other}@dce`, SUBSCRIBE)
      desk.peer.reply(await desk.peer.receive('SUBSCRIBE'), said, 'No', { headers: ['Allow-Events: dialog'] })
      assert.equal((await answered).status, status)
    }
  })

  for (const [what, headers, status] of [
    ['an event nobody here serves', ['Event: conference', 'Expires: 120'], 489],
    ['no event at all', ['Expires: 120'], 489],
    ['an interval that is too brief', [EVENT, 'Expires: 59'], 423],
    ['an Expires that is none', [EVENT, 'Expires: soon'], 400],
    ['an extension we do not know', [EVENT, 'Require: eventlist'], 420],
    ['no hops left', [EVENT, 'Max-Forwards: 0'], 483],
  ] as const)
    it(`is refused with ${status} for ${what}`, async function () {
      if (status === 420) requireEmbeddedSip(this, 'to refuse what is insisted on')
      const { other, phone, desk } = await colleagues()
      const refused = await phone.askWithPassword('SUBSCRIBE', `sip:${other}@dce`, { headers })
      assert.equal(refused.status, status)
      if (status === 489) assert.deepEqual(refused.getAll('allow-events'), ['dialog', 'message-summary', 'presence'])
      assert.equal(desk.peer.count('SUBSCRIBE'), 0)
    })

  it('is refused with 404 for whoever is not of the same customer, and with 401 by who says no password', async () => {
    const { phone } = await colleagues()
    const stranger = await colleagues()
    const uri = `sip:${stranger.other}@dce`
    assert.equal((await phone.askWithPassword('SUBSCRIBE', uri, SUBSCRIBE)).status, 404)
    assert.equal((await phone.askWithPassword('SUBSCRIBE', uri, { ...SUBSCRIBE, password: 'guess' })).status, 401)
    assert.equal(stranger.desk.peer.count('SUBSCRIBE'), 0)
  })

  for (const [what, file] of [
    ['is refused with 489 and the events there are', 'uac-subscribe-unknown-event-expect-489.xml'],
    ['is one thing; a REFER outside calls is followed nowhere: 403', 'uac-refer-outside-call-expect-403.xml'],
    ['is one thing; of a PUBLISH nobody keeps anything: 405, and what is served', 'uac-publish-expect-405.xml'],
  ] as const)
    it(what, async function () {
      if (file.includes('405')) requireEmbeddedSip(this, 'to know which methods it serves')
      const service = await hireColleague(market, market.seller)
      await market.call(file, { service })
    })

  describe('that nobody sent, but its NOTIFY comes,', () => {
    it('hears 200 to hold a way open where the phone is registered from', async () => {
      const { username, phone, desk } = await colleagues()
      phone.ask('NOTIFY', 'sip:dce', { headers: ['Event: keep-alive'] })
      assert.equal((await phone.peer.receive('final', { method: 'NOTIFY' })).status, 200)
      desk.ask('NOTIFY', 'sip:dce', { headers: ['Event: keep-alive'], from: `sip:${username}@dce` })
      assert.equal((await desk.peer.receive('final', { method: 'NOTIFY' })).status, 481)
    })

    it('hears 481, or 489 for an event nobody could have subscribed to', async () => {
      await market.call('uac-notify-unsolicited-expect-481.xml')
      const { other, phone, desk } = await colleagues()
      for (const [event, status] of [
        ['Event: message-summary', 481],
        ['Event: check-sync', 489],
        ['Subject: no event', 489],
      ] as const) {
        phone.ask('NOTIFY', `sip:${other}@dce`, { headers: [event, ACTIVE] })
        const refused = await phone.peer.receive('final', { method: 'NOTIFY' })
        assert.equal(refused.status, status)
        assert.equal(refused.get('allow-events') !== undefined, status === 489)
      }
      assert.equal(desk.peer.count('NOTIFY'), 0)
    })
  })

  describe('that is up', () => {
    // The last story of this exchange.
    it('ends when the exchange stops: its subscriber may come again, its notifier is told', async () => {
      const { other, phone, desk } = await colleagues()
      const answered = phone.askWithPassword('SUBSCRIBE', `sip:${other}@dce`, SUBSCRIBE)
      await grant(desk)
      await answered
      const stopped = exchange.process.stop()
      const last = await phone.peer.receive('NOTIFY', { timeoutMs: 30_000 })
      assert.equal(last.get('subscription-state'), 'terminated;reason=probation;retry-after=30')
      phone.peer.reply(last, 200, 'OK')
      assert.equal((await desk.peer.receive('SUBSCRIBE')).get('expires'), '0')
      await stopped
    })
  })
})
