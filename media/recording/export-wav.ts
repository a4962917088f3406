import { open, rm } from 'node:fs/promises'
import { decrypt, type RecordingSummary } from './read-recording.ts'
import type { MasterKey } from '../../config/master-keys.ts'
import { WAV_HEADER_BYTES, wavHeader } from './wav-reader.ts'

/**
 * Decrypts a recording into a new WAV file that only its owner may read. Rejects with UnreadableRecording when it cannot be, and then
 * leaves no file; as the file system does when there is one of that name already.
 */
export async function exportWav(file: string, keys: readonly MasterKey[], out: string): Promise<RecordingSummary> {
  const handle = await open(out, 'wx', 0o600)
  try {
    let bytes = 0
    const summary = await decrypt(file, keys, async (samples) => {
      await handle.write(samples, 0, samples.length, WAV_HEADER_BYTES + bytes)
      bytes += samples.length
    })
    await handle.write(wavHeader(summary.header, bytes), 0, WAV_HEADER_BYTES, 0)
    await handle.close()
    return summary
  } catch (error) {
    await handle.close().catch(() => {})
    await rm(out, { force: true })
    throw error
  }
}
