import { measure, samplesOf } from './read-recording.ts'
import type { MasterKey } from '../../config/master-keys.ts'
import type { RecordingHeader } from './recording-format.ts'

export const WAV_HEADER_BYTES = 44
const BYTES_A_SAMPLE = 2

/** A recording as the WAV file it is to whoever may hear it; nothing of it is written to the disk. */
export interface OpenedWav {
  readonly bytes: number
  /** From byte `from` up to and without `to`. Rejects with UnreadableRecording at the first chunk that has been changed. */
  read(from: number, to: number): AsyncGenerator<Buffer>
}

/** Opens a recording that is not written to any more. Rejects with UnreadableRecording when no key of ours opens it. */
export async function openWav(file: string, keys: readonly MasterKey[]): Promise<OpenedWav> {
  const { header, bytes } = await measure(file, keys)
  const wav = wavHeader(header, bytes)
  return {
    bytes: wav.length + bytes,
    async *read(from, to) {
      if (from < wav.length) yield wav.subarray(from, Math.min(to, wav.length))
      let at = wav.length
      if (to <= at) return
      for await (const samples of samplesOf(file, keys)) {
        const start = Math.max(0, from - at)
        const end = Math.min(samples.length, to - at)
        if (end > start) yield samples.subarray(start, end)
        at += samples.length
        if (at >= to) return
      }
    },
  }
}

/** RIFF WAVE, 16-bit PCM. */
export function wavHeader({ hertz, channels }: RecordingHeader, bytes: number): Buffer {
  const header = Buffer.alloc(WAV_HEADER_BYTES)
  header.write('RIFF', 0, 'latin1')
  header.writeUInt32LE(WAV_HEADER_BYTES - 8 + bytes, 4)
  header.write('WAVEfmt ', 8, 'latin1')
  header.writeUInt32LE(16, 16)
  header.writeUInt16LE(1, 20) // PCM.
  header.writeUInt16LE(channels, 22)
  header.writeUInt32LE(hertz, 24)
  header.writeUInt32LE(hertz * channels * BYTES_A_SAMPLE, 28)
  header.writeUInt16LE(channels * BYTES_A_SAMPLE, 32)
  header.writeUInt16LE(8 * BYTES_A_SAMPLE, 34)
  header.write('data', 36, 'latin1')
  header.writeUInt32LE(bytes, 40)
  return header
}
