import assert from 'node:assert/strict'
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { type Exchange, startExchange } from '../support/exchange.ts'
import { Market } from '../support/call-market.ts'
import { SecretiveAgent } from '../support/secretive-agent.ts'
import { until } from '../support/until.ts'

const PACKETS = 25
/** Behind so many an engine that answers in well under a millisecond is late, too. */
const MANY = 30

/** A phone's ear: how many packets came. */
interface Ear {
  readonly socket: Socket
  heard: number
}

describe('an 18x whose turn comes late', function () {
  this.timeout(90_000)
  let exchange: Exchange
  let agents: SecretiveAgent[]
  let ears: Ear[]
  let market: Market
  let caller: SecretiveAgent
  let voice: Ear
  let phones = 0
  before(async function () {
    exchange = await startExchange(this)
  })
  after(() => exchange?.close())
  beforeEach(async () => {
    agents = []
    ears = []
    market = await Market.open(exchange)
    caller = await phone('caller', market.address)
    voice = await ear(caller)
  })
  afterEach(async () => {
    for (const { socket } of ears) socket.close()
    for (const agent of agents) await agent.close()
  })

  async function phone(secret: string, host = `127.88.1.${++phones}`): Promise<SecretiveAgent> {
    const agent = await SecretiveAgent.open(secret, host, exchange.process.sip())
    agents.push(agent)
    return agent
  }

  async function ear({ socket: { host } }: SecretiveAgent, port = 45_000): Promise<Ear> {
    const one: Ear = { socket: createSocket('udp4'), heard: 0 }
    ears.push(one)
    one.socket.on('message', () => one.heard++)
    one.socket.bind(port, host)
    await once(one.socket, 'listening')
    return one
  }

  /** From the buyer's 200 to the end: the caller speaks until somebody has heard all of it. */
  async function talk(buyer: SecretiveAgent): Promise<void> {
    await buyer.socket.receive('ACK')
    const accepted = await caller.socket.receive('SIP/2.0 200')
    caller.inDialog('ACK', accepted, { cseq: 1 })
    const [, host] = /c=IN IP4 (\S+)/.exec(accepted)!
    const [, port] = /m=audio (\d+)/.exec(accepted)!
    for (let n = 0; n < PACKETS; n++) {
      const packet = Buffer.alloc(172)
      packet[0] = 0x80
      packet.writeUInt16BE(n, 2)
      packet.writeUInt32BE(n * 160, 4)
      packet.writeUInt32BE(7, 8)
      voice.socket.send(packet, Number(port), host)
    }
    await until(() => ears.some((one) => one.heard === PACKETS))
    const [call] = await exchange.callsTo(market.number)
    assert.equal(call!.state, 'answered')
    caller.inDialog('BYE', accepted)
    buyer.reply(await buyer.socket.receive('BYE'), 200)
    await market.ended({ outcome: 'answered', sip_status: 200, end_reason: 'caller_hung_up', hung_up_by: 'caller' })
  }

  for (const ports of [[45_000], [45_000, 45_010], [45_000, 45_010, 45_010]])
    it(`behind the 200 says nothing of the audio any more (183 from ${ports.join(', ')}, 200 from 45000)`, async () => {
      const buyer = await phone('buyer')
      const [first, other] = [await ear(buyer), await ear(buyer, 45_010)]
      await market.standingBid(buyer.socket)
      caller.invite(market.number, '+12125550142')
      const invite = await buyer.socket.receive('INVITE')
      for (const port of ports) {
        buyer.rtpPort = port
        buyer.reply(invite, 183, true)
      }
      buyer.reply(invite, 180)
      buyer.rtpPort = 45_000
      buyer.reply(invite, 200, true)
      await talk(buyer)
      assert.deepEqual([first.heard, other.heard], [PACKETS, 0])
    })

  it(`behind the next buyer's 200 neither (183 ${MANY} times, 486)`, async () => {
    const [busy, buyer] = [await phone('busy'), await phone('buyer')]
    const [wrong, right] = [await ear(busy), await ear(buyer)]
    await market.standingBid(busy.socket, { amount: '9.00' })
    await market.standingBid(buyer.socket, { amount: '5.00' })
    caller.invite(market.number, '+12125550142')
    const invite = await busy.socket.receive('INVITE')
    for (let n = 0; n < MANY; n++) busy.reply(invite, 183, true)
    busy.reply(invite, 486)
    buyer.reply(await buyer.socket.receive('INVITE'), 200, true)
    await talk(buyer)
    assert.deepEqual([wrong.heard, right.heard], [0, PACKETS])
  })
})
