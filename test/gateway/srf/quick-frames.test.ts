import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { Socket } from 'node:net'
import * as fc from 'fast-check'
import { quickenFrames, type FrameReader } from '../../../gateway/srf/quick-frames.ts'

interface WireProtocol extends FrameReader {
  server?: unknown
  on(event: 'msg', handler: (socket: Socket, text: string) => void): void
}
type WireProtocolClass = new (options: object) => WireProtocol

/** drachtio-srf's wire protocol, loaded anew: nobody has changed it. */
function pristine(): WireProtocolClass {
  const require = createRequire(import.meta.url)
  const file = require.resolve('drachtio-srf/lib/wire-protocol.js')
  const kept = require.cache[file]
  delete require.cache[file]
  const Wire = require(file) as WireProtocolClass
  if (kept) require.cache[file] = kept
  else delete require.cache[file]
  return Wire
}

const Original = pristine()
const Quick = pristine()
// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- It has nothing but methods.
quickenFrames(Quick.prototype as FrameReader)

/** What is heard of these pieces, errors included. Whoever hears of `bad` throws. */
function hear(Wire: WireProtocolClass, pieces: readonly Buffer[]): string[] {
  const heard: string[] = []
  const wire = new Wire({})
  const socket = new Socket()
  wire.on('msg', (from, text) => {
    assert.equal(from, socket)
    heard.push(text)
    if (text === 'bad') throw new Error('told of a bad one')
  })
  for (const piece of pieces)
    try {
      // oxlint-disable-next-line no-underscore-dangle -- theirs.
      wire._onData(socket, piece)
    } catch (error) {
      heard.push(String(error))
    }
  return [...heard, `left: ${wire.mapIncomingMsg.get(socket)?.incomingMsg.toString()}`]
}

const text = fc.oneof(
  fc.constantFrom('bad', 'a', '#', '3#', 'id|sip|network\r\nINVITE sip:a SIP/2.0\r\n\r\n', '☎ größer 😀'),
  fc.string({ minLength: 1 }),
)
const frame = text.map((words) => `${Buffer.byteLength(words)}#${words}`)
const odd = fc.constantFrom(
  '#',
  '0#',
  'x#a',
  '-1#a',
  ' 3#abc',
  '3 #abc',
  '1e1#a',
  '12345678901#a',
  '2#',
  '+1#a',
  '0x2#ab',
  '3.5#abc',
)

/** The bytes in pieces, cut at these places. */
function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const at = [...new Set(places.map((place) => place % (bytes.length + 1)))].toSorted((a, b) => a - b)
  return [...at, bytes.length].map((end, i) => bytes.subarray(at[i - 1] ?? 0, end))
}

describe('frames read quickly', () => {
  it('are the same, however they come in pieces', () => {
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 6 }), fc.array(fc.nat(), { maxLength: 6 }), (frames, places) => {
        const pieces = cut(Buffer.from(frames.join('')), places)
        assert.deepEqual(hear(Quick, pieces), hear(Original, pieces))
      }),
      { numRuns: 500 },
    )
  })

  it('are the same where some are out of the ordinary: so are the errors, and what is left', () => {
    const frames = fc.array(fc.oneof({ weight: 3, arbitrary: frame }, odd), { minLength: 1, maxLength: 5 })
    fc.assert(
      fc.property(frames, fc.array(fc.nat(), { maxLength: 4 }), (some, places) => {
        const pieces = cut(Buffer.from(some.join('')), places)
        assert.deepEqual(hear(Quick, pieces), hear(Original, pieces))
      }),
      { numRuns: 500 },
    )
  })
})
