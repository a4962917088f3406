import assert from 'node:assert/strict'
import { OneWayWatch, soundOf } from '../../../media/relay/one-way.ts'
import { rtp } from './rtp-party.ts'

const LIMIT_MS = 10_000
const PCMU = soundOf('PCMU')
const PCMA = soundOf('pcma')

let sequence = 0
/** Packets of this payload byte every 20 ms, from one time to another. */
function speak(watch: OneWayWatch, fromMs: number, toMs: number, mark: number, sound = PCMU): void {
  const packet = rtp({ sequence: ++sequence, mark })
  for (let ms = fromMs; ms < toMs; ms += 20) watch.see(packet, ms, sound)
}

describe('OneWayWatch', () => {
  let a: OneWayWatch
  let b: OneWayWatch

  beforeEach(() => {
    a = new OneWayWatch()
    b = new OneWayWatch()
    for (const watch of [a, b]) watch.begin(0)
  })

  it('names a side that sends nothing for the limit while the other is heard, once, with its length', () => {
    speak(b, 0, 12_000, 0x33)
    assert.equal(a.judge(9990, b, LIMIT_MS), null)
    assert.equal(a.judge(10_000, b, LIMIT_MS), 'no_audio')
    assert.equal(a.judge(11_000, b, LIMIT_MS), null)
    assert.equal(b.judge(11_000, a, LIMIT_MS), null)
    assert.deepEqual([a.fault, a.faultMs], ['no_audio', 11_000])
    speak(a, 11_500, 30_000, 0x33)
    a.judge(29_000, b, LIMIT_MS)
    assert.deepEqual([a.fault, a.faultMs], ['no_audio', 11_000], 'it was so, and the record says it')
  })

  it('blames nobody when neither sends: that is what the timeout is for', () => {
    assert.equal(a.judge(20_000, b, LIMIT_MS), null)
    speak(a, 0, 1000, 0x33)
    speak(b, 0, 1000, 0x33)
    assert.equal(a.judge(20_000, b, LIMIT_MS), null)
  })

  it('takes µ-law 0xFF and 0x7F and A-law 0xD5 and 0x55 for digital silence, and nothing else', () => {
    for (const [mark, sound, fault] of [
      [0xff, PCMU, 'digital_silence'],
      [0x7f, PCMU, 'digital_silence'],
      [0xd5, PCMA, 'digital_silence'],
      [0x55, PCMA, 'digital_silence'],
      [0xd5, PCMU, null],
      [0xff, PCMA, null],
      [0xfe, PCMU, null],
      [0xff, soundOf('opus'), null],
    ] as const) {
      const watch = new OneWayWatch()
      watch.begin(0)
      speak(watch, 0, 11_000, mark, sound)
      assert.equal(watch.judge(11_000, b, LIMIT_MS), fault, `${mark}`)
    }
  })

  it('forgets digital silence with the first sound, one sample of one packet, behind a header extension too', () => {
    speak(a, 0, 11_000, 0xff)
    assert.equal(a.judge(11_000, b, LIMIT_MS), 'digital_silence')
    const extended = Buffer.concat([
      rtp({ sequence: 1, size: 12 }),
      Buffer.from('bede000100112233', 'hex'),
      Buffer.alloc(160, 0xff),
    ])
    extended[0] = 0x90
    a.see(extended, 11_000, PCMU)
    assert.equal(a.fault, 'digital_silence')
    extended[100] = 0xfd
    a.see(extended, 11_020, PCMU)
    assert.deepEqual([a.fault, a.faultMs], [null, 0])
  })

  it('does not call a side mute that has said it is quiet (RFC 3389, DTX), until it speaks and then stops', () => {
    speak(b, 0, 100_000, 0x33)
    speak(a, 0, 1000, 0x33)
    a.see(rtp({ sequence: 1, payload: 13, size: 13 }), 1000, soundOf('CN'))
    assert.equal(a.judge(50_000, b, LIMIT_MS), null)
    a.see(rtp({ sequence: 2, size: 14 }), 50_000, soundOf('opus'))
    assert.equal(a.judge(70_000, b, LIMIT_MS), null)
    speak(a, 70_000, 71_000, 0x33)
    assert.equal(a.judge(99_000, b, LIMIT_MS), 'no_audio')
  })

  it('looks at nothing while the call is on hold, and begins anew after it', () => {
    speak(b, 0, 100_000, 0x33)
    a.pause()
    assert.equal(a.judge(60_000, b, LIMIT_MS), null)
    a.begin(90_000)
    assert.equal(a.judge(95_000, b, LIMIT_MS), null)
    assert.equal(a.judge(100_000, b, LIMIT_MS), 'no_audio')
  })

  it('takes key presses neither for sound nor for silence', () => {
    speak(a, 0, 11_000, 0x05, soundOf('telephone-event'))
    assert.equal(a.judge(11_000, b, LIMIT_MS), null)
    speak(a, 11_000, 12_000, 0xff)
    assert.equal(a.judge(12_000, b, LIMIT_MS), 'digital_silence')
  })
})
