import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { MediaUnavailable } from '../media-server.ts'
import { readWav, UnusableSound } from './wav.ts'

/** A longer file is no prompt: ten minutes of 16-bit PCM, and its header. */
export const MAX_PROMPT_BYTES = 10 * 60 * 16_000 + 4096
/** Prompts kept in memory; the one unused longest goes first. */
export const MAX_PROMPTS_KEPT = 64

/** Letters, digits, dots and dashes: never a path out of the folder. */
const NAME = /^[\w-][\w.-]{0,99}$/

interface Kept {
  readonly changedMs: number
  readonly samples: SharedArrayBuffer
}

/** The WAV files of one folder, as samples that every relay thread reads without a copy. A changed file is read again. */
export class PromptStore {
  readonly #folder: string | null
  readonly #kept = new Map<string, Kept>()

  /** `folder` null: there are no files to play. */
  constructor(folder: string | null) {
    this.#folder = folder
  }

  /** 16-bit samples at 8 kHz. Rejects with MediaUnavailable, naming the prompt and the reason, when it cannot be played. */
  async read(name: string): Promise<SharedArrayBuffer> {
    if (this.#folder === null) throw new MediaUnavailable(`prompt ${name}: no folder of prompts is set`)
    if (!NAME.test(name)) throw new MediaUnavailable(`prompt ${JSON.stringify(name)}: not the name of a prompt`)
    const file = join(this.#folder, name.endsWith('.wav') ? name : `${name}.wav`)
    try {
      const { mtimeMs, size } = await stat(file)
      const kept = this.#kept.get(name)
      if (kept?.changedMs === mtimeMs) return this.#keep(name, kept)
      if (size > MAX_PROMPT_BYTES) throw new UnusableSound(`${size} bytes: at most ${MAX_PROMPT_BYTES} are played`)
      const found = readWav(await readFile(file))
      const samples = new SharedArrayBuffer(2 * found.length)
      new Int16Array(samples).set(found)
      return this.#keep(name, { changedMs: mtimeMs, samples })
    } catch (error) {
      throw new MediaUnavailable(`prompt ${name}: ${reasonOf(error)}`)
    }
  }

  #keep(name: string, kept: Kept): SharedArrayBuffer {
    this.#kept.delete(name)
    this.#kept.set(name, kept)
    if (this.#kept.size > MAX_PROMPTS_KEPT) this.#kept.delete(this.#kept.keys().next().value!)
    return kept.samples
  }
}

function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException
  return code === 'ENOENT' ? 'there is no such file' : (message ?? String(error))
}
