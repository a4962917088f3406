import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { Market } from '../support/call-market.ts'
import { eventually, type Exchange, startExchange, requireEmbeddedSip } from '../support/exchange.ts'
import { SipSocket } from '../support/sip-socket.ts'

const STRANGER = '127.66.1.1'
const SCANNER = '127.66.1.2'

interface BanAnswer {
  readonly address: string
  readonly offence: string
  readonly dropped: number
}

describe('abuse', function () {
  this.timeout(90_000)
  let exchange: Exchange
  before(async function () {
    requireEmbeddedSip(this, 'its bans and limits')
    exchange = await startExchange(this, {
      env: { DCE_TELEPHONY_UNKNOWN_SOURCE: 'drop', DCE_TELEPHONY_ABUSE_SCANNER_AGENTS: 'house-pest' },
    })
  })
  after(() => exchange?.close())

  const bans = () => exchange.api.listAll<BanAnswer & { id: string }>('sip/bans')
  const reason = async (name: string): Promise<number> => {
    const page = await exchange.api.metrics()
    return Number(new RegExp(`^dce_sip_dropped_total\\{reason="${name}"\\} (\\d+)$`, 'm').exec(page)?.[1] ?? 0)
  }

  it('gives strangers silence when told to, and carriers their calls', async () => {
    const market = await Market.open(exchange)
    await market.buyer('uas-answer-caller-hangs-up-expect-200.xml')
    const stranger = await SipSocket.open(STRANGER, exchange.process.sip())
    const unknown = await exchange.metric('dce_unknown_sources_total')
    stranger.request('INVITE', 'one')
    stranger.request('OPTIONS', 'two')
    await eventually(
      async () => ((await reason('unknown_source')) >= 2 ? true : undefined),
      () => 'the stranger was not dropped',
    )
    await market.call('uac-answered-caller-hangs-up-expect-200.xml')
    await sleep(300)
    assert.deepEqual(stranger.received, [])
    assert.equal(await exchange.metric('dce_unknown_sources_total'), unknown, 'the application never heard of it')
    assert.deepEqual(await bans(), [])
    await stranger.close()
    await market.ended({ outcome: 'answered', sip_status: 200, end_reason: 'caller_hung_up' })
  })

  it('asks strangers for a password as soon as one trunk has one', async () => {
    const market = await Market.open(exchange, { trunk: { username: 'carrier', password: 'a long password' } })
    const stranger = await SipSocket.open('127.66.1.3', exchange.process.sip())
    stranger.request('INVITE', 'three')
    // 401 where credentials are asked for, 403 where they are not asked for yet: silence it is not.
    await stranger.receive('SIP/2.0 40')
    await stranger.close()
    await market.close()
  })

  it('bans a scanner at sight; an administrator sees the ban and lifts it', async () => {
    const scanner = await SipSocket.open(SCANNER, exchange.process.sip())
    scanner.request('OPTIONS', 'scan', ['User-Agent: House-Pest/2.0'])
    const ban = await eventually(
      async () => (await bans())[0],
      () => 'no ban',
    )
    assert.deepEqual([ban.address, ban.offence], [SCANNER, 'scanner'])
    assert.equal(await exchange.metric('dce_sip_banned'), 1)
    await exchange.says(new RegExp(`"address":"${SCANNER}".*"source banned"`))
    await exchange.api.request('DELETE', `/api/v1/sip/bans/${SCANNER}`)
    assert.deepEqual(await bans(), [])
    await scanner.close()
  })

  it('limits and reports the garbage of a trunk’s address, and never bans it', async () => {
    const market = await Market.open(exchange)
    await market.buyer('uas-answer-caller-hangs-up-expect-200.xml')
    const forger = await SipSocket.open(market.address, exchange.process.sip())
    for (let i = 0; i < 200; i++) forger.send(`INVITE sip:x SIP/2.0\r\nVia: nonsense ${i}\r\n\r\n`)
    await eventually(
      async () => ((await exchange.metric('dce_sip_sources_limited_total')) >= 1 ? true : undefined),
      () => 'nobody was told',
    )
    await exchange.says(/"limit":"malformed".*"source limited"/)
    await market.call('uac-answered-caller-hangs-up-expect-200.xml')
    assert.deepEqual(await bans(), [])
    await forger.close()
    await market.ended({ outcome: 'answered', sip_status: 200, end_reason: 'caller_hung_up' })
  })
})
