import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeAuthority, makeCertificate, type Certificate } from '../support/certificates.ts'
import { Market } from '../support/call-market.ts'
import { answerChallenge } from '../support/digest-client.ts'
import { requireEmbeddedSip, startExchange, type Exchange } from '../support/exchange.ts'
import { hireAgent, PASSWORD, Phone } from '../support/registered-phone.ts'
import { SDP, SipPeer } from '../support/sip-peer.ts'

describe('over TLS and WebSocket', function () {
  this.timeout(120_000)
  let exchange: Exchange
  let authority: Certificate
  let folder: string
  const peers: { close(): Promise<void> }[] = []
  before(async function () {
    this.timeout(90_000)
    folder = await mkdtemp(join(tmpdir(), 'dce-secure-'))
    authority = await makeAuthority()
    const ca = join(folder, 'ca.pem')
    await writeFile(ca, authority.cert)
    const ports = { DCE_TELEPHONY_TLS_PORT: '0', DCE_TELEPHONY_WS_PORT: '0', DCE_TELEPHONY_WSS_PORT: '0' }
    exchange = await startExchange(this, { env: { ...ports, DCE_TELEPHONY_TLS_CA: ca } })
  })
  afterEach(async () => {
    for (const peer of peers.splice(0)) await peer.close()
  })
  after(async () => {
    await exchange?.close()
    if (folder !== undefined) await rm(folder, { recursive: true, force: true })
  })

  const NAME = 'sbc.carrier.example'

  async function carrier(certificate: Certificate | null): Promise<SipPeer> {
    const peer = await SipPeer.open('tls', exchange.process.sip('tls'), certificate ? { certificate } : {})
    peers.push(peer)
    return peer
  }
  /** Calls the market's number, claiming to be NAME, and waits for the final status. */
  async function call(peer: SipPeer, market: Market, status: number): Promise<void> {
    // drachtio-srf would read the second name as the first.
    const forged = [`X-DCE-TLS-Client: ${NAME}`, `%58-DCE-TLS-Client: ${NAME}`]
    peer.request('INVITE', { uri: `sip:${market.number}@127.0.0.1`, body: SDP, headers: forged })
    await peer.receive(status, { method: 'INVITE' })
  }

  it('a carrier is known by any of its certificate’s names, and nobody else is, whatever they claim', async function () {
    requireEmbeddedSip(this, 'to tell whose certificate it saw')
    const market = await Market.open(exchange, { trunk: { addresses: [], tls_names: ['other.example', NAME] } })
    await call(await carrier(await makeCertificate([NAME], authority)), market, 480)
    const [record] = await market.records(1)
    assert.equal(record!.seller_id, market.seller.id)
    assert.equal(record!.end_reason, 'no_sale')
    for (const stranger of [
      await makeCertificate(['stranger.example'], authority),
      await makeCertificate([NAME], await makeAuthority('Another Authority')),
      null,
    ]) {
      await call(await carrier(stranger), market, 403)
    }
    assert.equal((await market.records(1)).length, 1)
    await market.close()
  })

  it('nobody is known by a certificate that nobody saw', async () => {
    const market = await Market.open(exchange, { trunk: { addresses: [], tls_names: [NAME] } })
    const peer = await SipPeer.open('udp', exchange.process.sip('udp'))
    peers.push(peer)
    await call(peer, market, 403)
    await market.close()
  })

  for (const transport of ['tls', 'ws', 'wss'] as const) {
    it(`an agent registered over ${transport.toUpperCase()} is rung on its connection`, async () => {
      const market = await Market.open(exchange)
      const { username, user } = await hireAgent(market)
      const phone = await Phone.open(exchange, username, transport)
      peers.push(phone)
      await phone.register()
      const { bindings } = await exchange.api.request<{ bindings: { transport: string }[] }>(
        'GET',
        `/api/v1/sip-users/${user.id}`,
      )
      assert.equal(bindings[0]!.transport, transport)
      const caller = await market.startCall('uac-answered-caller-hangs-up-expect-200.xml')
      await phone.answer()
      await phone.hungUp()
      await market.went(caller)
      await market.close()
    })
  }

  it('an agent over TLS that refuses keys it might leave is offered keys it must use, once', async () => {
    const market = await Market.open(exchange)
    const { username } = await hireAgent(market)
    const phone = await Phone.open(exchange, username, 'tls')
    peers.push(phone)
    await phone.register()
    const caller = await market.startCall('uac-no-sale-expect-480.xml')
    for (const profile of ['RTP/AVP', 'RTP/SAVP']) {
      const invite = await phone.peer.receive('INVITE')
      assert.ok(new RegExp(`^m=audio \\d+ ${profile} [^]*^a=crypto:1 `, 'm').test(invite.body), invite.body)
      phone.peer.reply(invite, 488, 'Not Acceptable Here', { contact: null })
      await phone.peer.receive('ACK')
    }
    await market.went(caller)
    const [record] = await market.records(1)
    assert.deepEqual(
      record!.legs.map(({ sip_status }) => sip_status),
      [480, 488, 488],
    )
    await market.close()
  })

  it('a browser that has left is not waited for', async () => {
    const market = await Market.open(exchange)
    const { username } = await hireAgent(market)
    const phone = await Phone.open(exchange, username, 'ws')
    await phone.register()
    await phone.close()
    await market.call('uac-no-sale-expect-480.xml')
    const [record] = await market.records(1)
    // Ours says 503; drachtio-server finds no address in DNS, and says 410.
    assert.ok([410, 503].includes(Number(record!.legs.at(-1)!['sip_status'])))
    await market.close()
  })

  it('a seller’s browser calls with its own password, on its seller’s trunk', async () => {
    const market = await Market.open(exchange, { trunk: { addresses: [], username: 'web', password: PASSWORD } })
    const { api } = exchange
    const trunk = (await api.listAll('trunks')).find((each) => each['account_id'] === market.seller.id)!
    const user = { account_id: market.seller.id, username: `web${process.pid}`, password: PASSWORD, trunk_id: trunk.id }
    await api.create('sip-users', user)
    await market.buyer('uas-answer-caller-hangs-up-expect-200.xml')

    const browser = await SipPeer.open('wss', exchange.process.sip('wss'))
    peers.push(browser)
    const uri = `sip:${market.number}@127.0.0.1`
    const invite = { uri, callId: `web-${process.pid}`, fromTag: 'web', body: SDP }
    browser.request('INVITE', { ...invite, branch: 'z9hG4bKfirst' })
    const asked = await browser.receive(401, { method: 'INVITE' })
    browser.request('ACK', { ...invite, branch: 'z9hG4bKfirst', body: '', toTag: asked.toTag })
    const [challenge] = asked.getAll('www-authenticate')
    const credentials = { username: user.username, password: PASSWORD, method: 'INVITE', uri }
    const headers = [`Authorization: ${answerChallenge(challenge!, credentials)}`]
    browser.request('INVITE', { ...invite, cseq: 2, headers })
    const answer = await browser.receive(200, { method: 'INVITE' })
    browser.requestAsCaller('ACK', answer)
    browser.requestAsCaller('BYE', answer)
    await browser.receive(200, { method: 'BYE' })
    const [record] = await market.records(1)
    assert.equal(record!.outcome, 'answered')
    assert.equal(record!.seller_id, market.seller.id)
    await market.close()
  })
})
