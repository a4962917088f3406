import assert from 'node:assert/strict'
import { Market } from '../support/call-market.ts'
import { type Exchange, startExchange } from '../support/exchange.ts'
import { SecretiveAgent } from '../support/secretive-agent.ts'

const ANI = '+12125550142'
let buyers = 0

describe('topology hiding', function () {
  this.timeout(90_000)
  let exchange: Exchange
  let market: Market
  let caller: SecretiveAgent
  let buyer: SecretiveAgent
  before(async function () {
    exchange = await startExchange(this)
  })
  beforeEach(async () => {
    market = await Market.open(exchange)
    const server = exchange.process.sip()
    caller = await SecretiveAgent.open('callersecret', market.address, server)
    buyer = await SecretiveAgent.open('buyersecret', `127.88.0.${++buyers}`, server)
    await market.standingBid(buyer.socket)
  })
  afterEach(async () => {
    await caller.close()
    await buyer.close()
  })
  after(() => exchange?.close())

  /** Nothing of either side's is in anything that the other was sent. */
  const assertHidden = (): void => {
    for (const [reader, other] of [
      [buyer, caller],
      [caller, buyer],
    ] as const)
      for (const text of reader.socket.received) {
        // A response brings back what we wrote ourselves, and only that: its own Via, From, To, Call-ID.
        const betraying = text.split('\r\n').filter((line) => other.isBetrayedBy(line))
        assert.deepEqual(betraying, [], `the ${reader.secret} side was sent:\n${text}`)
      }
    assert.ok(caller.socket.received.length > 1 && buyer.socket.received.length > 0)
  }

  const answered = async (): Promise<string> => {
    caller.invite(market.number, ANI)
    const invite = await buyer.socket.receive('INVITE')
    assert.ok(invite.includes(ANI), 'the caller’s number is no secret')
    buyer.reply(invite, 180)
    await caller.socket.receive('SIP/2.0 180')
    buyer.reply(invite, 183, true)
    await caller.socket.receive('SIP/2.0 183')
    buyer.reply(invite, 200, true)
    await buyer.socket.receive('ACK')
    const ok = await caller.socket.receive('SIP/2.0 200')
    caller.inDialog('ACK', ok, { cseq: 1 })
    return ok
  }

  it('covers ringing, early media, the answer, INFO and MESSAGE, renegotiation both ways, and a BYE with its reason', async () => {
    const ok = await answered()
    const count = (agent: SecretiveAgent, start: string): number =>
      agent.socket.received.filter((text) => text.startsWith(start)).length
    const isAnswered = async (agent: SecretiveAgent, method: string): Promise<void> => {
      const deadline = Date.now() + 20_000
      const isThere = (text: string): boolean => text.startsWith('SIP/2.0') && text.includes(` ${method}\r\n`)
      while (!agent.socket.received.some((text) => isThere(text) && !text.startsWith('SIP/2.0 1'))) {
        assert.ok(Date.now() < deadline, `no answer to ${method}`)
        await new Promise((resolve) => setTimeout(resolve, 10))
      }
    }
    buyer.socket.onRequest((text) => {
      if (text.startsWith('INVITE ') || text.startsWith('UPDATE ')) buyer.reply(text, 200, true)
      else if (!text.startsWith('ACK ')) buyer.reply(text, 200)
    })
    caller.socket.onRequest((text) => {
      if (text.startsWith('INVITE ') || text.startsWith('UPDATE ')) caller.reply(text, 200, true)
      else if (!text.startsWith('ACK ')) caller.reply(text, 200)
    })
    caller.inDialog('INFO', ok, { body: 'Signal=16\r\nDuration=160\r\n' }) // The hook's flash: a key would go by the audio.
    await isAnswered(caller, 'INFO')
    assert.match(await buyer.socket.receive('INFO'), /Signal=16/)
    buyer.inDialog('MESSAGE', null, { body: 'Signal=6\r\n' })
    await isAnswered(buyer, 'MESSAGE')
    caller.inDialog('UPDATE', ok, { sdp: 'sendrecv' })
    await isAnswered(caller, 'UPDATE')
    buyer.inDialog('INVITE', null, { sdp: 'sendonly' })
    await isAnswered(buyer, 'INVITE')
    assert.ok(count(caller, 'INVITE') + count(caller, 'UPDATE') > 0, 'the hold went through')
    caller.inDialog('BYE', ok)
    await isAnswered(caller, 'BYE')
    await buyer.socket.receive('BYE')
    assertHidden()
  })

  it('covers a buyer’s BYE', async () => {
    await answered()
    buyer.inDialog('BYE', null)
    const bye = await caller.socket.receive('BYE')
    caller.reply(bye, 200)
    await buyer.socket.receive('SIP/2.0 200')
    assertHidden()
  })

  for (const status of [302, 486, 503, 603])
    it(`covers a refusal with ${status}`, async () => {
      caller.invite(market.number, ANI)
      buyer.reply(await buyer.socket.receive('INVITE'), status)
      await buyer.socket.receive('ACK')
      await caller.socket.receive('SIP/2.0 4')
      assertHidden()
    })
})
