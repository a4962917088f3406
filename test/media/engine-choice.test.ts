import assert from 'node:assert/strict'
import { joinNeeds, needsOfOffer, PLAIN_NEEDS, type CallNeeds } from '../../media/call-needs.ts'
import { chooseEngine, type Candidate } from '../../media/engine-choice.ts'
import { UnacceptableMedia, type MediaCapability } from '../../media/media-server.ts'

interface Named extends Candidate {
  readonly name: string
}

const engine = (name: string, capabilities: readonly MediaCapability[], more: Partial<Candidate> = {}): Named => ({
  name,
  isUp: true,
  capabilities: new Set(capabilities),
  ...more,
})
const needs = (more: Partial<CallNeeds>): CallNeeds => ({ ...PLAIN_NEEDS, ...more })

const direct = engine('direct', ['sdes'], { isDirect: true })
const relay = engine('relay', ['sdes', 'webrtc', 'tools', 'replace'])
const rtpengine = engine('rtpengine', ['sdes', 'webrtc', 'transcode', 'replace'])
const bare = engine('bare', [])
const down = (of: Named): Named => ({ ...of, isUp: false })

describe('chooseEngine', () => {
  const table: {
    it: string
    engines: readonly Named[]
    needs?: Partial<CallNeeds>
    except?: readonly Named[]
    is: string
  }[] = [
    { it: 'takes the first for a call that needs nothing', engines: [relay, rtpengine], is: 'relay' },
    { it: 'follows the operator’s order, not the alphabet', engines: [rtpengine, relay], is: 'rtpengine' },
    {
      it: 'passes over one that cannot',
      engines: [relay, rtpengine],
      needs: { must: ['transcode'] },
      is: 'rtpengine',
    },
    { it: 'passes over one that is down', engines: [down(relay), rtpengine], is: 'rtpengine' },
    { it: 'passes over one that would not take it', engines: [relay, rtpengine], except: [relay], is: 'rtpengine' },
    {
      it: 'says that none can, though others are up',
      engines: [bare, rtpengine],
      needs: { must: ['tools'] },
      is: 'incapable',
    },
    {
      it: 'wants all of several needs of one engine',
      engines: [relay, rtpengine],
      needs: { must: ['tools', 'transcode'] },
      is: 'incapable',
    },
    {
      it: 'says that the one that can is down',
      engines: [down(relay), rtpengine],
      needs: { must: ['tools'] },
      is: 'unavailable',
    },
    { it: 'says so when all have been tried', engines: [relay], except: [relay], is: 'unavailable' },
    {
      it: 'grants a wish by a dearer engine',
      engines: [rtpengine, relay],
      needs: { wish: ['tools'] },
      is: 'relay',
    },
    {
      it: 'forgets the wish when that one is down',
      engines: [rtpengine, down(relay)],
      needs: { wish: ['tools'] },
      is: 'rtpengine',
    },
    {
      it: 'takes the cheapest of those that cannot grant a wish',
      engines: [bare, rtpengine],
      needs: { wish: ['tools'] },
      is: 'bare',
    },
    { it: 'keeps calls that nobody allowed to be direct from it', engines: [direct, relay], is: 'relay' },
    { it: 'lets a call be direct that may', engines: [direct, relay], needs: { mayBeDirect: true }, is: 'direct' },
    {
      it: 'lets a call that may be direct go through an engine',
      engines: [relay, direct],
      needs: { mayBeDirect: true },
      is: 'relay',
    },
    { it: 'has nothing for a call that may not, where direct is all there is', engines: [direct], is: 'incapable' },
    {
      it: 'knows that a direct call has no tools',
      engines: [direct, relay],
      needs: { mayBeDirect: true, must: ['tools'] },
      is: 'relay',
    },
    { it: 'has nothing where there is no engine', engines: [], is: 'incapable' },
  ]
  for (const { it: sentence, engines, needs: asked = {}, except = [], is } of table) {
    it(sentence, () => {
      const chosen = chooseEngine(engines, needs(asked), new Set(except))
      assert.equal(typeof chosen === 'string' ? chosen : chosen.name, is)
    })
  }
})

describe('the needs of an offer', () => {
  const offer = (profile: string, lines: readonly string[] = [], before = ''): string =>
    `v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n${before}m=audio 4000 ${profile} 0\r\n${lines.map((line) => `${line}\r\n`).join('')}`
  const key = `a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:${Buffer.alloc(30, 1).toString('base64')}`
  const dtls = [
    `a=fingerprint:sha-256 ${Array(32).fill('AB').join(':')}`,
    'a=ice-ufrag:abcd',
    'a=ice-pwd:0123456789012345678901',
    'a=setup:actpass',
    'a=rtcp-mux',
  ]
  const asks = (text: string): string => {
    const { must, wish } = needsOfOffer(text)
    return `${must.join(' ')}/${wish.join(' ')}`
  }

  it('are none for plain audio', () => assert.equal(asks(offer('RTP/AVP')), '/'))
  it('are keys where the profile says so (RFC 4568)', () => assert.equal(asks(offer('RTP/SAVP', [key])), 'sdes/'))
  it('are a wish where keys are an invitation (RFC 8643)', () => assert.equal(asks(offer('RTP/AVP', [key])), '/sdes'))
  it('are a browser’s (RFC 5764)', () => assert.equal(asks(offer('UDP/TLS/RTP/SAVPF', dtls)), 'webrtc/'))
  it('are those of the line that would be taken', () => {
    assert.equal(asks(offer('RTP/SAVP', [key], 'm=audio 4002 RTP/AVP 0\r\n')), 'sdes/')
  })
  it('cannot be said of a profile that nobody carries', () => {
    assert.throws(() => needsOfOffer(offer('UDP/TLS/RTP/SAVPF')), UnacceptableMedia)
  })

  it('join to what serves both, each once; direct only where both allow it', () => {
    const a = needs({ must: ['sdes'], wish: ['tools'], mayBeDirect: true })
    const b = needs({ must: ['sdes', 'webrtc'], mayBeDirect: true })
    assert.deepEqual(joinNeeds(a, b), { must: ['sdes', 'webrtc'], wish: ['tools'], mayBeDirect: true })
    assert.equal(joinNeeds(a, PLAIN_NEEDS).mayBeDirect, false)
  })
})
