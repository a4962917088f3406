import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Settings } from '../../config/settings.ts'
import { exportWav } from '../../media/recording/export-wav.ts'
import { summarize } from '../../media/recording/read-recording.ts'
import { FILE_EXTENSION } from '../../media/recording/recording-format.ts'
import { masterKeys, recordingFolder } from '../start/recording-settings.ts'

/** `dce recording list`: what there is, without opening it; no key is needed. */
export async function listRecordings(settings: Settings, say: (line: string) => void): Promise<void> {
  const folder = recordingFolder(settings)
  const files = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw error
  })
  const recordings = files.filter((file) => file.endsWith(FILE_EXTENSION)).toSorted()
  for (const file of recordings) {
    try {
      const { header, durationMs, isComplete } = await summarize(join(folder, file))
      const end = isComplete ? '' : '  (has no end yet: under way, or cut short)'
      say(`${file}  ${header.startedAt}  ${seconds(durationMs)}  key ${header.key.keyId}${end}`)
    } catch (error) {
      say(`${file}  ${(error as Error).message}`)
    }
  }
  say(`${recordings.length} recordings in ${folder}`)
}

/** `dce recording decrypt FILE OUT.wav`. Rejects with the reason when the recording cannot be opened. */
export async function decryptRecording(
  file: string,
  out: string,
  settings: Settings,
  say: (line: string) => void,
): Promise<void> {
  const { header, durationMs, isComplete } = await exportWav(file, masterKeys(settings), out)
  say(`${out}: ${seconds(durationMs)} of ${header.name}, begun ${header.startedAt}; left the caller, right the buyer`)
  if (!isComplete)
    say('The recording has no end: it is still under way, or its process or disk failed, or it was cut short.')
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`
}
