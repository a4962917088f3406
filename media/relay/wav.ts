import { TO_LINEAR } from './g711.ts'

/** A sound file that cannot be played, and why. */
export class UnusableSound extends Error {
  override readonly name = 'UnusableSound'
}

/** The format tags of RFC 2361 that we play. */
const PCM = 1
const A_LAW = 6
const MU_LAW = 7

interface Format {
  readonly tag: number
  readonly channels: number
  readonly hertz: number
  readonly bits: number
}

/**
 * The samples of a WAV file, mono at 8 kHz: 16-bit PCM or G.711. Throws UnusableSound, saying what the file is instead, for
 * anything else: nothing here resamples or mixes, and a prompt that is played too fast serves nobody.
 */
export function readWav(file: Buffer): Int16Array {
  if (file.length < 12 || file.toString('latin1', 0, 4) !== 'RIFF' || file.toString('latin1', 8, 12) !== 'WAVE')
    throw new UnusableSound('not a WAV file')
  let format: Format | null = null
  for (let at = 12; at + 8 <= file.length;) {
    const id = file.toString('latin1', at, at + 4)
    const size = file.readUInt32LE(at + 4)
    const body = file.subarray(at + 8, at + 8 + size)
    if (id === 'fmt ') format = readFormat(body)
    if (id === 'data') {
      if (!format) throw new UnusableSound('the audio comes before its format')
      return samplesOf(body, format)
    }
    at += 8 + size + (size % 2) // Chunks are padded to an even length.
  }
  throw new UnusableSound('no audio in it')
}

function readFormat(body: Buffer): Format {
  if (body.length < 16) throw new UnusableSound('its format is cut short')
  return {
    tag: body.readUInt16LE(0),
    channels: body.readUInt16LE(2),
    hertz: body.readUInt32LE(4),
    bits: body.readUInt16LE(14),
  }
}

function samplesOf(body: Buffer, { tag, channels, hertz, bits }: Format): Int16Array {
  if (channels !== 1) throw new UnusableSound(`${channels} channels: only mono is played`)
  if (hertz !== 8000) throw new UnusableSound(`${hertz} Hz: only 8000 Hz is played`)
  if (tag === MU_LAW && bits === 8) return Int16Array.from(body, (byte) => TO_LINEAR.u[byte]!)
  if (tag === A_LAW && bits === 8) return Int16Array.from(body, (byte) => TO_LINEAR.a[byte]!)
  if (tag === PCM && bits === 16)
    return Int16Array.from({ length: body.length >> 1 }, (_, i) => body.readInt16LE(2 * i))
  throw new UnusableSound(`format ${tag} with ${bits} bits: only 16-bit PCM and G.711 are played`)
}
