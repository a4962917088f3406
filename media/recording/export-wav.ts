import { open, rm } from 'node:fs/promises'
import { decrypt, type RecordingSummary } from './read-recording.ts'
import type { MasterKey } from './recording-key.ts'
import type { RecordingHeader } from './recording-format.ts'

const HEADER_BYTES = 44
const BYTES_A_SAMPLE = 2

/**
 * Decrypts a recording into a new WAV file that only its owner may read. Rejects with UnreadableRecording when it cannot be, and then
 * leaves no file; as the file system does when there is one of that name already.
 */
export async function exportWav(file: string, keys: readonly MasterKey[], out: string): Promise<RecordingSummary> {
  const handle = await open(out, 'wx', 0o600)
  try {
    let bytes = 0
    const summary = await decrypt(file, keys, async (samples) => {
      await handle.write(samples, 0, samples.length, HEADER_BYTES + bytes)
      bytes += samples.length
    })
    await handle.write(wavHeader(summary.header, bytes), 0, HEADER_BYTES, 0)
    await handle.close()
    return summary
  } catch (error) {
    await handle.close().catch(() => {})
    await rm(out, { force: true })
    throw error
  }
}

function wavHeader({ hertz, channels }: RecordingHeader, bytes: number): Buffer {
  const header = Buffer.alloc(HEADER_BYTES)
  header.write('RIFF', 0, 'latin1')
  header.writeUInt32LE(HEADER_BYTES - 8 + bytes, 4)
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
