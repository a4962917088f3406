import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { MediaUnavailable } from '../media-server.ts'
import { FILE_EXTENSION, type RecordingHeader } from './recording-format.ts'
import type { MasterKey } from '../../config/master-keys.ts'
import { newDataKey } from './recording-key.ts'

const NAME = /^[\w-][\w.-]{0,120}$/

export interface RecordingsOptions {
  readonly folder: string
  /** The first wraps the keys of new recordings. */
  readonly keys: readonly MasterKey[]
}

/** What is needed to write a new recording: its file, and a key for it alone. */
export interface NewRecording {
  readonly file: string
  readonly header: RecordingHeader
  readonly key: Uint8Array
}

/** Where recordings are begun: a folder, and the master key. */
export class Recordings {
  readonly #folder: string
  readonly #master: MasterKey

  constructor({ folder, keys }: RecordingsOptions) {
    if (keys.length === 0) throw new RangeError('recordings: there must be a key')
    this.#folder = folder
    this.#master = keys[0]!
  }

  /** Throws RangeError when the name cannot be a file's; MediaUnavailable when the folder cannot be made. */
  async begin(name: string, startedAt: Date): Promise<NewRecording> {
    if (!NAME.test(name)) throw new RangeError(`recording ${JSON.stringify(name)}: not the name of a file`)
    await mkdir(this.#folder, { recursive: true, mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
      throw new MediaUnavailable(`nothing can be recorded: ${error.message}`)
    })
    const { dataKey, wrapped } = newDataKey(this.#master, name)
    const header = { name, startedAt: startedAt.toISOString(), hertz: 8000, channels: 2, key: wrapped }
    return { file: join(this.#folder, `${name}${FILE_EXTENSION}`), header, key: dataKey }
  }
}
