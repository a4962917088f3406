import assert from 'node:assert/strict'
import * as fc from 'fast-check'
import { RECURRING_LIMIT, RecurringDescriptions } from '../../media/recurring-descriptions.ts'
import { readTables, TABLES_LIMIT } from '../../media/relay/codec-tables.ts'
import { NO_FORMATS } from '../../media/relay/party-formats.ts'
import { readDescription, type Description } from '../../media/sdp-reading.ts'

interface Place {
  readonly ip: string
  readonly port: string
}

interface Words {
  readonly name: string
  readonly payloads: string
  readonly session: readonly string[]
  readonly media: readonly string[]
}

const place: fc.Arbitrary<Place> = fc.record({
  ip: fc.constantFrom('10.0.0.1', '192.0.2.7', '0.0.0.0', '224.0.0.1', '255.255.255.255', '1.2', '300.1.1.1', '12'),
  port: fc.constantFrom('4000', '65535', '0', '04000', '65536', '1'),
})
const attribute = fc.constantFrom(
  'a=rtpmap:0 PCMU/8000',
  'a=rtpmap:101 telephone-event/8000',
  'a=fmtp:101 0-15',
  'a=rtpmap:111 opus/48000/2',
  'a=fmtp:111 useinbandfec=1',
  'a=ptime:20',
  'a=maxptime:150',
  'a=sendonly',
  'a=inactive',
  'a=rtcp-mux',
  'a=rtcp:4005 IN IP4 10.0.0.9',
  'a=mid:0',
  'a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5',
  'a=candidate:1 1 UDP 1 10.0.0.8 4000 typ host',
  'c=IN IP4 10.0.0.77',
  'm=video 9 RTP/AVP 96',
  'b=AS:64',
  'a=odd',
)
const wording: fc.Arbitrary<Words> = fc.record({
  name: fc.constantFrom('-', 'a call', ''),
  payloads: fc.constantFrom('0', '0 101', '111 0 101', '0 8', '96', 'x', ''),
  session: fc.array(fc.constantFrom('a=sendonly', 'a=group:BUNDLE 0', 'a=odd'), { maxLength: 2 }),
  media: fc.array(attribute, { maxLength: 6 }),
})

const textOf = (
  { name, payloads, session, media }: Words,
  { ip, port }: Place,
  id: number,
  more: readonly string[] = [],
): string =>
  [
    'v=0',
    `o=- ${id} 1 IN IP4 ${ip}`,
    `s=${name}`,
    `c=IN IP4 ${ip}`,
    't=0 0',
    ...more,
    ...session,
    `m=audio ${port} RTP/AVP ${payloads}`,
    ...media,
    '',
  ].join('\r\n')

/** All of it that anybody reads. */
function readOf(text: string): unknown {
  try {
    const { audio, ...description }: Description = readDescription(text)
    const { source, ...stream } = audio
    const { rtp, fmtp, ptime, maxptime } = source
    return { ...description, stream, source: { rtp, fmtp, ptime, maxptime } }
  } catch (error) {
    return String(error)
  }
}

describe('descriptions that come again', () => {
  it('say the same as if they had been read anew, wherever they are', () => {
    fc.assert(
      fc.property(wording, fc.array(place, { minLength: 1, maxLength: 4 }), (words, places) => {
        places.forEach((at, id) => {
          // A line of repeat times, which means nothing to us, makes it one that is always read anew.
          const anew = readOf(textOf(words, at, id, ['r=604800 3600 0']))
          assert.deepEqual(readOf(textOf(words, at, id)), anew)
        })
      }),
      { numRuns: 1000 },
    )
  })

  it('share their codecs, so that what follows from them is worked out once', () => {
    const words = { name: '-', payloads: '0 101', session: [], media: ['a=rtpmap:101 telephone-event/8000'] }
    const [first, second] = ['4000', '4002'].map((port) =>
      readDescription(textOf(words, { ip: '10.0.0.1', port }, Number(port))),
    )
    assert.equal(first!.audio.codecs, second!.audio.codecs)
    assert.equal(second!.audio.rtpPort, 4002)
  })

  it('are remembered so many, and those with keys not at all', () => {
    let read = 0
    const anew = (text: string): Description => {
      read++
      return readDescription(text)
    }
    const recurring = new RecurringDescriptions<Description>()
    const words = { name: '-', payloads: '0', session: [], media: [] }
    const at = { ip: '10.0.0.1', port: '4000' }
    const numbered = (n: number): string => textOf({ ...words, media: [`a=n:${n}`] }, at, n)
    for (let n = 0; n <= 2 * RECURRING_LIMIT; n++) recurring.read(numbered(n), anew)
    read = 0
    recurring.read(numbered(2 * RECURRING_LIMIT), anew)
    recurring.read(numbered(RECURRING_LIMIT), anew)
    assert.equal(read, 0)
    recurring.read(numbered(0), anew)
    assert.equal(read, 1)
    const keys = 'a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5'
    // The second is of a suite that we have not, so that it is plain audio to us.
    for (const [n, line] of [keys, keys.replace('AES_CM_128_HMAC_SHA1_80', 'F8_128_HMAC_SHA1_80')].entries()) {
      const secret = textOf({ ...words, media: [line] }, at, 1)
      recurring.read(secret, anew)
      recurring.read(secret, anew)
      assert.equal(read, 3 + 2 * n)
    }
  })
})

describe('the tables of a leg’s codecs', () => {
  it('are shared by all who say the same, and so many are remembered', () => {
    const said = (hertz: number): string =>
      JSON.stringify({ clockRates: [[0, hertz]], codecNames: [[0, 'PCMU']], translated: null, formats: NO_FORMATS })
    const first = readTables(said(1))
    assert.equal(readTables(said(1)), first)
    for (let hertz = 2; hertz <= TABLES_LIMIT + 1; hertz++) readTables(said(hertz))
    assert.notEqual(readTables(said(1)), first)
    assert.deepEqual(readTables(said(1)), first)
  })
})
