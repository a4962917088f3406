import { join } from 'node:path'
import { SettingsError } from '../../config/settings-error.ts'
import type { Settings } from '../../config/settings.ts'
import { readMasterKeys, type MasterKey } from '../../config/master-keys.ts'
import type { RecordingsOptions } from '../../media/recording/recordings.ts'
import { RecordingShelf } from '../audio/recording-shelf.ts'

/** Where an engine of ours finds prompts and puts recordings. */
export interface SoundFolders {
  readonly promptFolder: string
  readonly recordings?: RecordingsOptions
}

/** Throws SettingsError when media.recording_key cannot be used, or is missing. */
export function soundFolders(settings: Settings): SoundFolders {
  const promptFolder = settings.media.promptsDir ?? join(settings.dataDir, 'prompts')
  const keys = masterKeys(settings)
  if (settings.media.record && keys.length === 0)
    throw new SettingsError(
      'media.record',
      'media.record: needs media.recording_key, since nothing is recorded in the clear',
    )
  return keys.length === 0
    ? { promptFolder }
    : { promptFolder, recordings: { folder: recordingFolder(settings), keys } }
}

export function recordingFolder(settings: Settings): string {
  return settings.media.recordingsDir ?? join(settings.dataDir, 'recordings')
}

/** None when there is no media.recording_key. Throws SettingsError when it cannot be read. */
export function masterKeys({ media }: Settings): readonly MasterKey[] {
  if (media.recordingKey === null) return []
  try {
    return readMasterKeys(media.recordingKey, 'recording key')
  } catch (error) {
    throw new SettingsError('media.recording_key', `media.recording_key: ${(error as Error).message}`)
  }
}

/** The recordings that there are, where the settings say, opened by the keys they name. */
export function createRecordingShelf(
  settings: Settings,
  parts: Pick<ConstructorParameters<typeof RecordingShelf>[0], 'store' | 'clock' | 'log'>,
): RecordingShelf {
  const { recordingDays: days } = settings.media
  return new RecordingShelf({ ...parts, folder: recordingFolder(settings), keys: masterKeys(settings), days })
}
