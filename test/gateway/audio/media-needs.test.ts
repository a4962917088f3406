import assert from 'node:assert/strict'
import type { Call } from '../../../gateway/live-call.ts'
import { needsOfAward, needsOfCaller } from '../../../gateway/audio/media-needs.ts'
import type { ExchangeParts } from '../../../gateway/parts.ts'
import type { Award } from '../../../model/auction.ts'
import type { Target, Trunk } from '../../../model/trunk.ts'
import { aTarget, aTrunk } from '../../support/market.ts'

const plain = 'v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n'
const key = `a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:${Buffer.alloc(30, 1).toString('base64')}\r\n`

interface Situation {
  readonly offer?: string | null
  readonly trunk?: Partial<Trunk>
  readonly target?: Partial<Target>
  readonly outbound?: readonly Partial<Trunk>[]
  readonly ways?: readonly string[] | null
  readonly recordsCalls?: boolean
  readonly hasDirectMedia?: boolean
  readonly privacy?: string
}

/** What the caller asks, and what the award does, in words. */
function asked(situation: Situation): string {
  const { offer = plain, trunk = {}, target = {}, outbound = [], ways = null } = situation
  const { recordsCalls = false, hasDirectMedia = true, privacy } = situation
  const parts = {
    policies: { recordsCalls, hasDirectMedia },
    directory: { target: () => aTarget('desk', 'buyer', target), campaign: () => undefined },
    registrar: { waysTo: () => ways && ways.map((uri) => [{ uri }]) },
    trunks: {
      outboundInTurn: () => outbound.map((each) => aTrunk('out', 'house', { host: 'carrier.example', ...each })),
    },
    isTrunkWorking: () => true,
  } as unknown as ExchangeParts
  const call = {
    caller: { offer, header: () => privacy },
    facts: { trunk: aTrunk('in', 'seller', trunk), number: null },
    callerNeeds: null,
  } as unknown as Call
  call.callerNeeds = needsOfCaller(call, parts)
  const award = needsOfAward(call, { targetId: 'desk', campaignId: 'c' } as unknown as Award, parts)
  const say = ({ must, wish, mayBeDirect }: typeof award): string =>
    [...must, ...wish.map((each) => `(${each})`), ...(mayBeDirect ? ['direct'] : [])].join(' ') || 'nothing'
  return `${say(call.callerNeeds)}; ${say(award)}`
}

const BOTH = { trunk: { directMedia: true }, target: { directMedia: true } }

describe('what a call needs of its engine', () => {
  const table: [sentence: string, situation: Situation, needs: string][] = [
    ['is nothing for a plain call to a plain target', {}, 'nothing; nothing'],
    ['is keys for a target that must have them', { target: { uri: 'sips:a@b.example' } }, 'nothing; sdes'],
    [
      'is a wish for keys where they are an invitation',
      { target: { uri: 'sip:a@b.example;transport=tls' } },
      'nothing; (sdes)',
    ],
    [
      'is a browser’s where only browsers are registered',
      { ways: ['sip:x@y.invalid;transport=ws'] },
      'nothing; webrtc',
    ],
    ['is nothing where nobody is registered', { ways: [] }, 'nothing; direct'],
    ['is a wish for tools where calls are recorded', { recordsCalls: true, ...BOTH }, '(tools); nothing'],
    ['may be direct where trunk and target allow it', BOTH, 'direct; direct'],
    ['may not where the trunk does not', { ...BOTH, trunk: {} }, 'nothing; nothing'],
    ['may not where the target does not', { ...BOTH, target: {} }, 'direct; nothing'],
    ['may not for a caller who hides its address', { ...BOTH, privacy: 'session' }, 'nothing; nothing'],
    ['may not where the operator does not', { ...BOTH, hasDirectMedia: false }, 'nothing; nothing'],
    ['may not where the caller leaves the offer to us', { ...BOTH, offer: null }, 'nothing; nothing'],
    [
      'may not past a carrier that does not allow it',
      { trunk: { directMedia: true }, target: { directMedia: true, uri: '+12125550100' }, outbound: [{}] },
      'direct; nothing',
    ],
    [
      'may past carriers that all do',
      {
        trunk: { directMedia: true },
        target: { directMedia: true, uri: '+12125550100' },
        outbound: [{ directMedia: true }, { directMedia: true }],
      },
      'direct; direct',
    ],
    [
      'may not where keys would be sent in clear',
      { ...BOTH, offer: plain.replace('RTP/AVP', 'RTP/SAVP') + key },
      'sdes direct; nothing',
    ],
    [
      'may where both ends must have keys',
      {
        trunk: { directMedia: true },
        target: { directMedia: true, uri: 'sips:a@b.example' },
        offer: plain.replace('RTP/AVP', 'RTP/SAVP') + key,
      },
      'sdes direct; sdes direct',
    ],
    ['may not where the caller’s keys are an invitation', { ...BOTH, offer: plain + key }, '(sdes); nothing'],
  ]
  for (const [sentence, situation, needs] of table) it(sentence, () => assert.equal(asked(situation), needs))
})
