/** A phone's tone is found in 20 ms of what another heard: a whole number of periods when it is a multiple of 50 Hz. */
const BLOCKS_PER_SECOND = 50
const HIGHEST_HZ = 3000
/** Softer than this (RMS of 16-bit samples) is silence. */
const SILENCE_RMS = 300
/** How much of a block's energy its loudest tone must have; noise spreads. */
const TONE_SHARE = 0.6

export interface Sound {
  readonly rate: number
  readonly samples: Int16Array
}

/** A tone as a WAV file (16-bit, the same on all channels), a third of full scale. */
export function buildToneWav(hz: number, seconds: number, rate = 8000, channels = 1): Buffer {
  const count = rate * seconds
  const frameBytes = 2 * channels
  const wav = Buffer.alloc(44 + count * frameBytes)
  wav.write('RIFF', 0)
  wav.writeUInt32LE(wav.length - 8, 4)
  wav.write('WAVEfmt ', 8)
  wav.writeUInt32LE(16, 16)
  wav.writeUInt16LE(1, 20) // PCM
  wav.writeUInt16LE(channels, 22)
  wav.writeUInt32LE(rate, 24)
  wav.writeUInt32LE(rate * frameBytes, 28)
  wav.writeUInt16LE(frameBytes, 32)
  wav.writeUInt16LE(16, 34)
  wav.write('data', 36)
  wav.writeUInt32LE(count * frameBytes, 40)
  for (let i = 0; i < count * channels; i++) {
    const sample = 10_000 * Math.sin((2 * Math.PI * hz * Math.floor(i / channels)) / rate)
    wav.writeInt16LE(Math.round(sample), 44 + i * 2)
  }
  return wav
}

/**
 * The first channel of a 16-bit WAV file, which a phone may still be writing: until it has written the header there are no samples,
 * and until it is done the header's length is not true.
 */
export function readWav(wav: Buffer): Sound {
  if (wav.toString('latin1', 0, 4) !== 'RIFF') return { rate: 8000, samples: new Int16Array(0) }
  let [at, rate, channels] = [12, 0, 1]
  for (;;) {
    if (at + 8 > wav.length) return { rate, samples: new Int16Array(0) }
    const name = wav.toString('latin1', at, at + 4)
    if (name === 'fmt ') {
      channels = wav.readUInt16LE(at + 10)
      rate = wav.readUInt32LE(at + 12)
    }
    at += 8
    if (name === 'data') break
    at += wav.readUInt32LE(at - 4)
  }
  const samples = new Int16Array(Math.floor((wav.length - at) / 2 / channels))
  for (let i = 0; i < samples.length; i++) samples[i] = wav.readInt16LE(at + i * 2 * channels)
  return { rate, samples }
}

/** G.711 µ-law to a 16-bit sample (ITU-T G.711). */
export function decodeMuLaw(code: number): number {
  const bits = ~code & 0xff
  const magnitude = (((bits & 0x0f) << 3) + 132) << ((bits >> 4) & 0x07)
  return (bits & 0x80 ? -1 : 1) * (magnitude - 132)
}

/** Which tones a sound holds, in Hz (multiples of 50), each with how long it is there in ms. Silence and noise have none. */
export function tonesIn({ rate, samples }: Sound): Map<number, number> {
  const tones = new Map<number, number>()
  const length = rate / BLOCKS_PER_SECOND
  for (let at = 0; at + length <= samples.length; at += length) {
    const hz = toneOf(samples.subarray(at, at + length), rate)
    if (hz !== null) tones.set(hz, (tones.get(hz) ?? 0) + 1000 / BLOCKS_PER_SECOND)
  }
  return tones
}

/** Whether somebody who speaks a tone is not heard in these samples. */
export function isQuiet(samples: Int16Array): boolean {
  let energy = 0
  for (const sample of samples) energy += sample * sample
  return Math.sqrt(energy / samples.length) < SILENCE_RMS
}

function toneOf(block: Int16Array, rate: number): number | null {
  if (isQuiet(block)) return null
  let energy = 0
  for (const sample of block) energy += sample * sample
  let [loudest, best] = [0, 0]
  for (let hz = BLOCKS_PER_SECOND; hz <= HIGHEST_HZ; hz += BLOCKS_PER_SECOND) {
    const power = goertzel(block, hz, rate)
    if (power > best) [loudest, best] = [hz, power]
  }
  // A pure tone of amplitude a has the energy n·a²/2 and the power (n·a/2)².
  return (2 * best) / block.length / energy >= TONE_SHARE ? loudest : null
}

function goertzel(block: ArrayLike<number>, hz: number, rate: number): number {
  const turn = 2 * Math.cos((2 * Math.PI * hz) / rate)
  let [before, last] = [0, 0]
  for (let i = 0; i < block.length; i++) [before, last] = [last, block[i]! + turn * last - before]
  return last * last + before * before - turn * last * before
}

/** How much of a sound's energy one frequency has: 1 for a pure tone of it, near 0 for silence or others. */
export function shareOf(hz: number, samples: ArrayLike<number>, rate = 8000): number {
  let energy = 0
  for (let i = 0; i < samples.length; i++) energy += samples[i]! ** 2
  return energy === 0 ? 0 : (2 * goertzel(samples, hz, rate)) / samples.length / energy
}

/** Pearson's correlation of two signals, as far as the shorter one goes. */
export function correlation(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let [sumA, sumB, sumAA, sumBB, sumAB] = [0, 0, 0, 0, 0]
  const n = Math.min(a.length, b.length)
  for (let i = 0; i < n; i++) {
    sumA += a[i]!
    sumB += b[i]!
    sumAA += a[i]! ** 2
    sumBB += b[i]! ** 2
    sumAB += a[i]! * b[i]!
  }
  return (n * sumAB - sumA * sumB) / Math.sqrt((n * sumAA - sumA ** 2) * (n * sumBB - sumB ** 2))
}
