import { MediaUnavailable } from '../media-server.ts'
import { encode } from '../relay/g711.ts'
import { FRAME_MS, FRAME_SAMPLES, SoundReader, type Sound } from '../relay/sounds.ts'

/** What fits into one datagram of the ng protocol beside the rest of it: seven seconds of G.711. */
export const MAX_CLIP_MS = 7000
/** So often is repeated what is repeated until it is stopped: longer than any call. */
const FOREVER = 1_000_000
const SILENCE_MS = 1000
/** µ-law in WAV (RFC 2361). */
const MU_LAW = 7

/** A sound as rtpengine plays it. */
export interface Clip {
  /** A WAV file, or where rtpengine's machine has it. */
  readonly source: Buffer | string
  readonly times: number
  /** How long all of it takes; Infinity when it is repeated. */
  readonly lasts: number
}

/** `fileOf`: where the rtpengine finds a prompt by its name; null: nowhere. Throws MediaUnavailable for what it cannot be given. */
export function clipOf(sound: Sound, repeat: boolean, fileOf: (name: string) => string | null): Clip {
  if (sound.kind === 'silence') {
    const lasts = repeat ? Infinity : sound.ms
    return { source: wavOf({ ...sound, ms: SILENCE_MS }, SILENCE_MS), times: FOREVER, lasts }
  }
  const ms = sound.kind === 'tone' ? sound.onMs + sound.offMs : new Int16Array(sound.samples).length / 8
  const ending = { times: repeat ? FOREVER : 1, lasts: repeat ? Infinity : ms }
  if (ms <= MAX_CLIP_MS) return { source: wavOf(sound, ms), ...ending }
  const file = sound.kind === 'samples' && sound.name !== undefined ? fileOf(sound.name) : null
  if (file !== null) return { source: file, ...ending }
  throw new MediaUnavailable(
    `a sound of ${Math.ceil(ms / 1000)} s: rtpengine is sent at most ${MAX_CLIP_MS / 1000} s; for longer prompts set media.rtpengine.prompts_dir`,
  )
}

/** So much of a sound as a WAV file of G.711. */
function wavOf(sound: Sound, ms: number): Buffer {
  const frames = Math.ceil(ms / FRAME_MS)
  const size = frames * FRAME_SAMPLES
  const header = Buffer.alloc(58)
  header.write('RIFF', 0)
  header.writeUInt32LE(50 + size, 4)
  header.write('WAVEfmt ', 8)
  header.writeUInt32LE(18, 16)
  header.writeUInt16LE(MU_LAW, 20)
  header.writeUInt16LE(1, 22) // Mono.
  header.writeUInt32LE(8000, 24)
  header.writeUInt32LE(8000, 28)
  header.writeUInt16LE(1, 32)
  header.writeUInt16LE(8, 34)
  header.write('fact', 38)
  header.writeUInt32LE(4, 42)
  header.writeUInt32LE(size, 46)
  header.write('data', 50)
  header.writeUInt32LE(size, 54)
  const reader = new SoundReader(sound, false)
  const frame = new Int16Array(FRAME_SAMPLES)
  const body = Buffer.alloc(size)
  for (let n = 0; n < frames && reader.read(frame); n++)
    for (let i = 0; i < FRAME_SAMPLES; i++) body[n * FRAME_SAMPLES + i] = encode('u', frame[i]!)
  return Buffer.concat([header, body])
}
