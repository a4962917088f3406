import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import type { ApiOptions } from '../../api/options.ts'
import { startApi, type ApiHarness } from '../support/api-harness.ts'
import { Coturn } from '../support/coturn.ts'

const WEBRTC: ApiOptions['settings']['webrtc'] = {
  sipUrl: null,
  wsPort: 5066,
  wssPort: 7443,
  stun: [],
  turnUrls: [],
  turnSecret: null,
  turnTtlMs: 3_600_000,
  tokensPerMinute: 10,
}

describe('what a page needs to be a phone', () => {
  const running: ApiHarness[] = []
  afterEach(async () => {
    for (const api of running.splice(0)) await api.api.close()
  })
  async function start(webrtc: Partial<ApiOptions['settings']['webrtc']>) {
    const api = await startApi({ settings: { webrtc: { ...WEBRTC, ...webrtc } } })
    running.push(api)
    const agent = await api.person('buyer')
    const get = (path: string) => api.request('GET', path, { token: agent.token })
    return { api, agent, get }
  }

  it('is where SIP is: at the host it came from, or where the operator says', async () => {
    const { get } = await start({})
    const { body } = await get('webrtc/sip')
    assert.deepEqual(body, { urls: ['wss://127.0.0.1:7443', 'ws://127.0.0.1:5066'], realm: 'dce' })
    const closed = await start({ wsPort: null, wssPort: null })
    assert.deepEqual((await closed.get('webrtc/sip')).body.urls, [])
    const elsewhere = await start({ sipUrl: 'wss://calls.example/sip' })
    assert.deepEqual((await elsewhere.get('webrtc/sip')).body.urls, ['wss://calls.example/sip'])
  })

  it('is told to those who are signed in', async () => {
    const { api } = await start({})
    for (const path of ['webrtc/sip', 'webrtc/ice-servers']) assert.equal((await api.request('GET', path)).status, 401)
  })

  it('is no server where none is set', async () => {
    const { get } = await start({})
    assert.deepEqual((await get('webrtc/ice-servers')).body, { ice_servers: [], expires_at: null })
  })

  it('is STUN, and TURN with credentials of its own that end (draft-uberti-behave-turn-rest-00)', async () => {
    const turnUrls = ['turn:turn.example.com:3478?transport=udp', 'turns:turn.example.com']
    const { api, agent, get } = await start({ stun: ['stun:stun.example.com'], turnUrls, turnSecret: 'north' })
    const { body } = await get('webrtc/ice-servers')
    const [stun, turn] = body.ice_servers
    assert.deepEqual(stun, { urls: ['stun:stun.example.com'] })
    assert.deepEqual(turn.urls, turnUrls)
    const [expiry, holder] = turn.username.split(':')
    assert.equal(Date.parse(body.expires_at), Number(expiry) * 1000)
    assert.ok(Math.abs(Number(expiry) * 1000 - api.clock.now() - 3_600_000) < 5_000)
    assert.match(holder, /^[0-9a-f-]{36}$/)
    assert.notEqual(holder, agent.account.id, 'the user’s, who is one of several')
    assert.equal(turn.credential, createHmac('sha1', 'north').update(turn.username).digest('base64'))
  })

  describe('and coturn', function () {
    this.timeout(90_000)
    let coturn: Coturn
    before(async function () {
      if (!Coturn.isInstalled()) this.skip()
      coturn = await Coturn.start('north')
    })
    after(() => coturn?.close())

    it('gives an address to whoever has credentials of its secret, until they end', async () => {
      const turnUrls = [`turn:127.0.0.1:${coturn.port}`]
      const credentials = async (secret: string, passedMs = 0) => {
        const { api, get } = await start({ turnUrls, turnSecret: secret })
        api.clock.advance(-passedMs)
        const [{ username, credential }] = (await get('webrtc/ice-servers')).body.ice_servers
        return coturn.allocate(username, credential)
      }
      const good = await credentials('north')
      assert.ok(good.worked, good.said)
      const forged = await credentials('south')
      assert.ok(!forged.worked && /401|Cannot complete Allocation/i.test(forged.said), forged.said)
      const old = await credentials('north', 3_600_000 + 5_000)
      assert.ok(!old.worked && /401|Cannot complete Allocation/i.test(old.said), old.said)
    })
  })
})
