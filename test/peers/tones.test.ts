import assert from 'node:assert/strict'
import { decodeMuLaw, buildToneWav, readWav, tonesIn } from '../support/tones.ts'
import { buildTone, encodeMuLaw } from '../../sipp/agents/rtp-packet.ts'

describe('the ear for tones', () => {
  for (const rate of [8000, 16_000, 48_000]) {
    it(`knows a tone at ${rate} samples a second, and how long it was`, () => {
      assert.deepEqual([...tonesIn(readWav(buildToneWav(850, 2, rate)))], [[850, 2000]])
    })
  }

  it('knows it through G.711', () => {
    const samples = Int16Array.from(buildTone(600), decodeMuLaw)
    assert.deepEqual([...tonesIn({ rate: 8000, samples })], [[600, 20]])
    for (const sample of [0, 1000, -1000, 32_000]) {
      assert.ok(Math.abs(decodeMuLaw(encodeMuLaw(sample)) - sample) <= 1 + Math.abs(sample) / 16)
    }
  })

  it('hears nothing in silence, in noise, in two tones at once, and in a file that is still being written', () => {
    const sound = (sampleAt: (i: number) => number) => ({
      rate: 8000,
      samples: Int16Array.from({ length: 8000 }, (_, i) => sampleAt(i)),
    })
    const sine = (hz: number, i: number) => 8000 * Math.sin((2 * Math.PI * hz * i) / 8000)
    let seed = 1
    const noise = () => (seed = (seed * 16_807) % 2_147_483_647) / 131_072 - 8192
    for (const heard of [
      sound(() => 0),
      sound((i) => (i % 2) * 20),
      sound(noise),
      sound((i) => sine(600, i) + sine(1000, i)),
    ])
      assert.deepEqual([...tonesIn(heard)], [])
    for (const wav of [Buffer.alloc(0), Buffer.alloc(400), buildToneWav(600, 1).subarray(0, 30)])
      assert.deepEqual([...tonesIn(readWav(wav))], [])
  })
})
