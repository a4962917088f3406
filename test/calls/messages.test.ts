import assert from 'node:assert/strict'
import type { SipMessage } from '../../gateway/sip-server/message.ts'
import type { TransportName } from '../../gateway/sip-server/transport.ts'
import { Market } from '../support/call-market.ts'
import { type Exchange, requireEmbeddedSip, startExchange } from '../support/exchange.ts'
import { hireAgent, hireColleague, Phone } from '../support/registered-phone.ts'

const COFFEE = { body: 'coffee?', without: ['Contact'] }

describe('a MESSAGE outside calls', function () {
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

  async function open(username: string, transport: TransportName = 'udp'): Promise<Phone> {
    const phone = await Phone.open(exchange, username, transport)
    phones.push(phone)
    return phone
  }
  async function registered(username: string, transport: TransportName = 'udp'): Promise<Phone> {
    const phone = await open(username, transport)
    await phone.register()
    return phone
  }
  /** Two agents of one buyer, each with a phone. */
  async function colleagues(transport: TransportName = 'udp') {
    const { username, buyer } = await hireAgent(market)
    const other = await hireColleague(market, buyer)
    return { username, other, buyer, phone: await registered(username), desk: await registered(other, transport) }
  }

  describe('is refused', () => {
    it('by 401 where nobody knows who sends it, and once more with a wrong password', async () => {
      const { other, phone } = await colleagues()
      const refused = await phone.askWithPassword('MESSAGE', `sip:${other}@dce`, { ...COFFEE, password: 'guessed' })
      assert.equal(refused.status, 401)
      assert.match(refused.get('www-authenticate')!, /^Digest realm="dce"/)
    })

    for (const [what, uri] of [
      ['an address nobody has', 'sip:nobody@dce'],
      ['a host that is not ours', 'sip:AGENT@relay.example.com'],
      ['a host that is not ours, with our name in a parameter', 'sip:AGENT@relay.example.com;maddr=127.0.0.1'],
      ['a telephone number', 'tel:+18005550100'],
    ] as const)
      it(`by 404 for ${what}`, async () => {
        const { other, phone, desk } = await colleagues()
        const refused = await phone.askWithPassword('MESSAGE', uri.replace('AGENT', other), COFFEE)
        assert.equal(refused.status, 404)
        assert.equal(desk.peer.count('MESSAGE'), 0)
      })

    it("by 404 for another customer's agent, who sounds like nobody", async () => {
      const { phone } = await colleagues()
      const stranger = await colleagues()
      const refused = await phone.askWithPassword('MESSAGE', `sip:${stranger.other}@dce`, COFFEE)
      assert.equal(refused.status, 404)
      assert.equal(refused.reason, 'Not Found')
      assert.equal(stranger.desk.peer.count('MESSAGE'), 0)
    })

    it('by 403 for a customer who is suspended', async () => {
      const { other, buyer, phone } = await colleagues()
      await exchange.api.request('PATCH', `/api/v1/accounts/${buyer.id}`, { status: 'suspended' })
      assert.equal((await phone.askWithPassword('MESSAGE', `sip:${other}@dce`, COFFEE)).status, 403)
    })

    it('by 480 when the colleague has no phone registered, and later', async () => {
      const { other, phone, desk } = await colleagues()
      await desk.register({ expires: 0 })
      assert.equal((await phone.askWithPassword('MESSAGE', `sip:${other}@dce`, COFFEE)).status, 480)
    })

    it('by 413 with more than a message may have, over a stream', async () => {
      const { username, buyer } = await hireAgent(market)
      const other = await hireColleague(market, buyer)
      const [phone, desk] = [await registered(username, 'tcp'), await registered(other)]
      const body = 'x'.repeat(16_385)
      assert.equal((await phone.askWithPassword('MESSAGE', `sip:${other}@dce`, { ...COFFEE, body })).status, 413)
      assert.equal(desk.peer.count('MESSAGE'), 0)
    })

    it('by 420, 483 and 400 as any other request', async function () {
      requireEmbeddedSip(this, 'to refuse what is insisted on')
      const { other, phone } = await colleagues()
      const uri = `sip:${other}@dce`
      const bad = await phone.askWithPassword('MESSAGE', uri, { ...COFFEE, headers: ['Require: telepathy'] })
      assert.deepEqual([bad.status, bad.get('unsupported')], [420, 'telepathy'])
      const headers = ['Max-Forwards: 0']
      assert.equal((await phone.askWithPassword('MESSAGE', uri, { ...COFFEE, headers })).status, 483)
      const untyped = { ...COFFEE, without: ['Contact', 'Content-Type'] }
      assert.equal((await phone.askWithPassword('MESSAGE', uri, untyped)).status, 400)
    })

    for (const [situation, status] of [
      ['message-unknown-address', 404],
      ['message-foreign-host', 404],
      ['message-unregistered', 480],
    ] as const)
      it(`by ${status} from a trunk that is known by its address: ${situation}`, async () => {
        const user = await hireColleague(market, market.seller)
        const buyersAgent = await hireAgent(market)
        const service = situation === 'message-unknown-address' ? buyersAgent.username : user
        await market.call(`uac-${situation}-expect-${status}.xml`, { service })
      })
  })

  for (const transport of ['udp', 'tcp'] as const)
    it(`reaches a colleague's phone over ${transport.toUpperCase()}, and the answer comes back`, async () => {
      const { username, other, phone, desk } = await colleagues(transport)
      const headers = ['Subject: break', 'X-Secret: 1']
      const answered = phone.askWithPassword('MESSAGE', `sip:${other}@dce`, { ...COFFEE, headers })
      const message = await desk.peer.receive('MESSAGE')
      desk.peer.reply(message, 200, 'OK', { contact: null })
      assert.equal((await answered).status, 200)
      assert.equal(message.body, 'coffee?')
      assert.equal(message.get('content-type'), 'text/plain')
      assert.equal(message.get('subject'), 'break')
      assert.equal(message.get('max-forwards'), '69')
      assert.match(message.get('from')!, new RegExp(`^"${username}" <sip:${username}@dce>;tag=`))
      assert.equal(message.get('to'), `<sip:${other}@dce>`)
      // Each phone speaks with us: neither learns of the other more than its name.
      assert.equal(message.get('authorization'), undefined)
      assert.equal(message.get('x-secret'), undefined)
      assert.equal(message.getAll('via').length, 1)
      assert.ok(!JSON.stringify(message.headers).includes(String(phone.peer.port)))
    })

  it('is taken for the sender whose password it has, whatever its From says', async () => {
    const { username, other, phone, desk } = await colleagues()
    const from = `sip:${other}@dce`
    const answered = phone.askWithPassword('MESSAGE', `sip:${other}@dce`, { ...COFFEE, from })
    const message = await desk.peer.receive('MESSAGE')
    desk.peer.reply(message, 200, 'OK', { contact: null })
    assert.equal((await answered).status, 200)
    assert.match(message.get('from')!, new RegExp(`<sip:${username}@dce>;tag=`))
  })

  it('finds the colleague by the name its phone knows us by: our address, or a host name of ours', async () => {
    const { username, other, phone, desk } = await colleagues()
    for (const host of ['127.0.0.1', `127.0.0.1:${exchange.process.sip().port}`, 'sip.exchange.example']) {
      const from = `sip:${username}@${host}`
      const answered = phone.askWithPassword('MESSAGE', `sip:${other}@${host}`, { ...COFFEE, from })
      const message = await desk.peer.receive('MESSAGE')
      desk.peer.reply(message, 200, 'OK', { contact: null })
      assert.equal((await answered).status, 200)
      assert.match(message.get('from')!, new RegExp(`<${from}>;tag=`)) // To be answered the same way.
    }
  })

  it('goes to all phones of the colleague; the first that takes it answers for all', async () => {
    const { other, phone, desk } = await colleagues()
    const second = await registered(other)
    const answered = phone.askWithPassword('MESSAGE', `sip:${other}@dce`, COFFEE)
    const [one, two] = [await desk.peer.receive('MESSAGE'), await second.peer.receive('MESSAGE')]
    desk.peer.reply(one, 486, 'Busy Here', { contact: null })
    second.peer.reply(two, 202, 'Accepted', { contact: null })
    assert.equal((await answered).status, 202)
  })

  it('that all phones refuse brings back the best of their refusals, and none of their passwords', async () => {
    const { other, phone, desk } = await colleagues()
    const second = await registered(other)
    const heard = async (first: number, other_: number): Promise<SipMessage> => {
      const answered = phone.askWithPassword('MESSAGE', `sip:${other}@dce`, COFFEE)
      desk.peer.reply(await desk.peer.receive('MESSAGE'), first, 'No', {
        contact: '<sip:elsewhere@198.51.100.9>',
        headers: ['Accept: text/html', 'WWW-Authenticate: Digest realm="x", nonce="y"', 'Warning: 399 desk "here"'],
      })
      second.peer.reply(await second.peer.receive('MESSAGE'), other_, 'No', { contact: null })
      return answered
    }
    assert.equal((await heard(415, 486)).get('accept'), 'text/html')
    for (const [one, two, status] of [
      [486, 603, 603],
      [503, 486, 486],
      [503, 408, 480],
      [302, 488, 480],
      [401, 486, 403],
    ] as const) {
      const answer = await heard(one, two)
      assert.equal(answer.status, status, `${one} and ${two}`)
      for (const name of ['contact', 'www-authenticate', 'warning']) assert.equal(answer.get(name), undefined)
    }
  })

  it('of a trunk reaches a user of the same seller, and tells the number that sent it', async () => {
    const user = await hireColleague(market, market.seller)
    const desk = await registered(user)
    const sent = market.call('uac-message-expect-200.xml', { service: user })
    const message = await desk.peer.receive('MESSAGE')
    desk.peer.reply(message, 200, 'OK', { contact: null })
    await sent
    const { host } = exchange.process.sip()
    assert.ok(message.get('from')!.startsWith(`<sip:+12125550142@${host}:`), message.get('from'))
    assert.ok(!message.get('from')!.includes(market.address))
  })

  it('from the address of a trunk is asked for the password all the same when it calls itself one of our users', async () => {
    const shared = await Market.open(exchange, { trunk: { addresses: ['127.0.0.1'] } })
    const user = await hireColleague(shared, shared.seller)
    const desk = await registered(user)
    const other = await open(user)
    const uri = `sip:${user}@dce`
    other.ask('MESSAGE', uri, { ...COFFEE, callId: 'pretends' })
    assert.equal((await other.peer.receive('final', { method: 'MESSAGE' })).status, 401)
    other.ask('MESSAGE', uri, { ...COFFEE, callId: 'calls', from: 'sip:+12125550142@198.51.100.9' })
    const message = await desk.peer.receive('MESSAGE')
    desk.peer.reply(message, 200, 'OK', { contact: null })
    assert.equal((await other.peer.receive('final', { method: 'MESSAGE' })).status, 200)
    const [trunk] = await exchange.api.listAll(`trunks?account_id=${shared.seller.id}`)
    await exchange.api.request('PATCH', `/api/v1/trunks/${trunk!.id}`, { addresses: [shared.address] })
    await shared.close()
  })

  it('is counted by status', async () => {
    const lines = (await exchange.api.metrics()).split('\n').filter((line) => line.startsWith('dce_sip_outside'))
    assert.match(lines.join('\n'), /\{method="MESSAGE",status="401"\} [1-9]/)
  })
})
