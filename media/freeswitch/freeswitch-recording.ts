import { stat } from 'node:fs/promises'
import { performance } from 'node:perf_hooks'
import type { Recording, RecordingEnd } from '../audio-tools.ts'
import type { FreeSwitchLeg } from './leg.ts'

interface RecordingParts {
  readonly leg: FreeSwitchLeg
  readonly name: string
  /** On FreeSWITCH's machine. */
  readonly file: string
  readonly maxMs: number
}

/**
 * A recording of one channel, the caller's: what it says is the left side of the file, what it hears the right. The command is
 * uuid_record, since `record_session` says that all is well where the folder does not exist.
 */
export class FreeSwitchRecording implements Recording {
  readonly name: string
  readonly ended: Promise<RecordingEnd>
  readonly #parts: RecordingParts
  readonly #startedMs = performance.now()
  readonly #longest: NodeJS.Timeout
  readonly #resolve: (end: RecordingEnd) => void
  #isEnding = false

  private constructor(parts: RecordingParts) {
    const { promise, resolve } = Promise.withResolvers<RecordingEnd>()
    this.name = parts.name
    this.ended = promise
    this.#parts = parts
    this.#resolve = resolve
    this.#longest = setTimeout(() => void this.end('longest'), parts.maxMs)
    this.#longest.unref()
  }

  /** Throws MediaUnavailable when FreeSWITCH cannot write there. */
  static async start(parts: RecordingParts): Promise<FreeSwitchRecording> {
    const { leg, file, maxMs } = parts
    await leg.command('uuid_setvar', 'RECORD_STEREO', 'true')
    // FreeSWITCH has the limit, too, in whole seconds: it holds though we are gone.
    await leg.command('uuid_record', 'start', file, String(Math.max(1, Math.ceil(maxMs / 1000))))
    return new FreeSwitchRecording(parts)
  }

  async pause(): Promise<void> {
    await this.#parts.leg.command('uuid_record', 'mask', this.#parts.file)
  }

  async resume(): Promise<void> {
    await this.#parts.leg.command('uuid_record', 'unmask', this.#parts.file)
  }

  stop(): Promise<RecordingEnd> {
    return this.end('stopped')
  }

  async end(reason: string): Promise<RecordingEnd> {
    if (this.#isEnding) return this.ended
    this.#isEnding = true
    clearTimeout(this.#longest)
    const { leg, file, maxMs } = this.#parts
    const durationMs = Math.min(Math.round(performance.now() - this.#startedMs), maxMs)
    // Where its channel is gone FreeSWITCH has written it all, or is gone itself.
    await leg.command('uuid_record', 'stop', file).catch(() => '')
    this.#resolve({ file, durationMs, bytes: await sizeOf(file), reason })
    return this.ended
  }
}

/** 0 where the file is on another machine. */
async function sizeOf(file: string): Promise<number> {
  return stat(file).then(
    ({ size }) => size,
    () => 0,
  )
}
