import { rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Logger } from '../../config/logger.ts'
import { summarize } from '../../media/recording/read-recording.ts'
import { FILE_EXTENSION } from '../../media/recording/recording-format.ts'
import type { MasterKey } from '../../config/master-keys.ts'
import { openWav, type OpenedWav } from '../../media/recording/wav-reader.ts'
import type { RecordingEnd } from '../../media/audio-tools.ts'
import type { Clock } from '../../model/clock.ts'
import type { CallId } from '../../model/ids.ts'
import type { CallRecording, RecordingAccess } from '../../model/recording.ts'
import type { RecordingEnding, RecordingStore } from '../needs.ts'

const DAY_MS = 86_400_000
/** Recordings erased with one writing. */
const ERASED_AT_ONCE = 200

export interface RecordingShelfOptions {
  readonly store: RecordingStore
  readonly folder: string
  readonly keys: readonly MasterKey[]
  /** So many days after its beginning a recording is erased. */
  readonly days: number
  readonly clock: Pick<Clock, 'now'>
  readonly log: Pick<Logger, 'warn' | 'info'>
}

/** The recordings of calls: their files, and what is written down of them. */
export class RecordingShelf {
  readonly #options: RecordingShelfOptions
  #sweeping = false

  constructor(options: RecordingShelfOptions) {
    this.#options = options
  }

  /** Never rejects: a recording that cannot be written down goes on, and is found by its file. */
  async begun(callId: CallId): Promise<void> {
    const { store, clock, log } = this.#options
    await store.begun({ callId, name: callId, startedAt: new Date(clock.now()) }).catch((error: Error) => {
      log.warn({ callId, reason: error.message }, 'a recording could not be written down')
    })
  }

  /** As `begun`. */
  async ended(callId: CallId, { durationMs, bytes, reason }: RecordingEnd): Promise<void> {
    const { store, clock, log } = this.#options
    const state = reason === 'engine_lost' || reason.startsWith('disk') ? 'interrupted' : 'kept'
    const startedAt = new Date(clock.now() - durationMs)
    await store.ended({ callId, name: callId, startedAt, durationMs, bytes, state, reason }).catch((error: Error) => {
      log.warn({ callId, reason: error.message }, 'the end of a recording could not be written down')
    })
  }

  of(callIds: readonly CallId[]): Promise<CallRecording[]> {
    return callIds.length === 0 ? Promise.resolve([]) : this.#options.store.of(callIds)
  }

  heard(access: RecordingAccess): Promise<void> {
    return this.#options.store.heard(access)
  }

  /** Null: its file is not here. Rejects with UnreadableRecording when no key of ours opens it. */
  async open({ name }: CallRecording): Promise<OpenedWav | null> {
    try {
      return await openWav(this.#file(name), this.#options.keys)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
      throw error
    }
  }

  /** What the last process was recording when it ended: there is as much as it had written. Resolves with how many there were. */
  async closeInterrupted(): Promise<number> {
    const { store, log } = this.#options
    const open = await store.underWay()
    for (const { callId, name, startedAt } of open)
      await store.ended({ callId, name, startedAt, ...(await this.#whatIsThere(name)) })
    if (open.length > 0) log.warn({ recordings: open.length }, 'the last run left recordings without an end')
    return open.length
  }

  async #whatIsThere(name: string): Promise<RecordingEnding> {
    const file = this.#file(name)
    try {
      const { durationMs, isComplete } = await summarize(file)
      const { size: bytes } = await stat(file)
      // It may have been written to its end when nobody could write that down.
      return {
        durationMs,
        bytes,
        state: isComplete ? 'kept' : 'interrupted',
        reason: isComplete ? 'call_ended' : 'killed',
      }
    } catch (error) {
      return { durationMs: 0, bytes: 0, state: 'lost', reason: (error as Error).message.slice(0, 200) }
    }
  }

  /** Erases what is older than it may be. One sweep at a time; what cannot be deleted is tried again by the next. Never rejects. */
  async sweep(): Promise<number> {
    if (this.#sweeping) return 0
    this.#sweeping = true
    const { store, clock, days, log } = this.#options
    let count = 0
    try {
      const before = new Date(clock.now() - days * DAY_MS)
      for (;;) {
        const old = await store.startedBefore(before, ERASED_AT_ONCE)
        const erased: CallId[] = []
        for (const { callId, name } of old) if (await this.#delete(name)) erased.push(callId)
        if (erased.length > 0) await store.erased(erased, new Date(clock.now()))
        count += erased.length
        if (old.length < ERASED_AT_ONCE || erased.length === 0) break
      }
      if (count > 0) log.info({ recordings: count, days }, 'erased recordings that were old enough')
    } catch (error) {
      log.warn({ reason: (error as Error).message }, 'old recordings could not be erased; it is tried again in an hour')
    } finally {
      this.#sweeping = false
    }
    return count
  }

  /** Erases the recordings of these calls, wherever they have got to, written down or not. Rejects when one could not be deleted. */
  async erase(callIds: readonly CallId[]): Promise<void> {
    const { store, clock } = this.#options
    for (const callId of callIds) await rm(this.#file(callId), { force: true })
    for (const { callId, name, state } of await this.of(callIds)) {
      if (state === 'erased') continue
      await rm(this.#file(name), { force: true })
      await store.erased([callId], new Date(clock.now()))
    }
  }

  async #delete(name: string): Promise<boolean> {
    try {
      await rm(this.#file(name), { force: true })
      return true
    } catch (error) {
      this.#options.log.warn({ recording: name, reason: (error as Error).message }, 'a recording could not be deleted')
      return false
    }
  }

  #file(name: string): string {
    return join(this.#options.folder, `${name}${FILE_EXTENSION}`)
  }
}
