import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { findPackage } from '../../../media/mediasoup/load.ts'
import { RouterCodecs } from '../../../media/mediasoup/router-codecs.ts'
import type { Codec } from '../../../media/payload-types.ts'

const codec = (payload: number, name: string, hertz = 8000, channels = 1): Codec => ({ payload, name, hertz, channels })
const OPUS = codec(111, 'opus', 48_000, 2)
const EVENTS = codec(126, 'telephone-event')
const WIDE_EVENTS = codec(110, 'telephone-event', 48_000)
const BROWSER = [
  OPUS,
  codec(63, 'red', 48_000, 2),
  codec(9, 'G722'),
  codec(0, 'PCMU'),
  codec(8, 'PCMA'),
  codec(13, 'CN'),
]
const OFFER = [...BROWSER, WIDE_EVENTS, EVENTS]

/** What mediasoup's own JavaScript makes of parameters before its worker hears of them; part of the package, not of its interface. */
interface Ortc {
  generateRouterRtpCapabilities(codecs: unknown): { codecs: { preferredPayloadType: number; mimeType: string }[] }
  getProducerRtpParametersMapping(
    parameters: unknown,
    capabilities: unknown,
  ): { codecs: { payloadType: number; mappedPayloadType: number }[] }
}

describe('a call’s codecs in mediasoup, RouterCodecs', () => {
  it('keep the payload types of the first offer, in which browsers will hear them', () => {
    const codecs = new RouterCodecs(OFFER)
    for (const one of OFFER.filter(({ name }) => name !== 'red')) assert.equal(codecs.payloadOf(one), one.payload)
  })

  it('carry what mediasoup does not know, up to seven of them, and no redundancy', () => {
    const codecs = new RouterCodecs([codec(18, 'G729'), codec(3, 'GSM'), EVENTS])
    assert.equal(codecs.payloadOf(codec(18, 'G729')), 18)
    assert.equal(codecs.payloadOf(codec(3, 'gsm')), 3)
    assert.equal(codecs.payloadOf(codec(63, 'red', 48_000, 2)), null)
    const more = [1, 2, 3, 4].map((n) => codecs.payloadOf(codec(100 + n, `new-${n}`)))
    assert.equal(new Set(more).size, 4)
    assert.ok(more.every((payload) => payload !== null))
    assert.equal(codecs.payloadOf(codec(105, 'one-too-many')), null)
    assert.equal(codecs.payloadOf(codec(101, 'new-1')), more[0])
  })

  it('have a number of their own for what is named later', () => {
    const codecs = new RouterCodecs([codec(0, 'PCMU'), codec(127, 'telephone-event')])
    const inside = codecs.forRouter().map(({ preferredPayloadType }) => preferredPayloadType)
    assert.equal(new Set(inside).size, inside.length)
    assert.ok(
      inside.every((payload) => payload < 72 || payload > 95),
      'none that RTCP could be taken for',
    )
    assert.notEqual(codecs.payloadOf(OPUS), 127)
  })

  it('are what the installed mediasoup takes, and maps to the same numbers', function () {
    const home = findPackage()
    if (home === null) return this.skip()
    const load = createRequire(import.meta.url)
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- its own module, as written down above.
    const ortc = load(join(home, 'node/lib/ortc.js')) as Ortc
    const codecs = new RouterCodecs(OFFER)
    const capabilities = ortc.generateRouterRtpCapabilities(codecs.forRouter())
    const renumbered = [OPUS, codec(101, 'telephone-event')]
    const { codecs: mapped } = ortc.getProducerRtpParametersMapping(
      {
        codecs: codecs.forProducer(renumbered),
        headerExtensions: [],
        encodings: [{ ssrc: 1 }],
        rtcp: { cname: 'dce' },
      },
      capabilities,
    )
    assert.deepEqual(mapped, [
      { payloadType: 111, mappedPayloadType: 111 },
      { payloadType: 101, mappedPayloadType: 126 },
    ])
  })
})
