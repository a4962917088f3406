import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { startAs } from '../model/thread-priority.ts'
import { MIN_SPOOL_BYTES } from './spool-file.ts'
import type { SpooledRecord, SpoolUsage } from './spool-file.ts'

/** Most JSON in one append: bounds the transaction, and with it the log that is reserved for it. */
export const MAX_APPEND_BYTES = 1024 * 1024
/** From this share on no new calls are taken: what is left is for the ends of those in progress. */
export const NEARLY_FULL = 0.8

export type SpoolRequest = { readonly id: number } & (
  | { readonly kind: 'open' | 'close' | 'reserve' | 'wipe' }
  | { readonly kind: 'append'; readonly bodies: readonly string[] }
  | { readonly kind: 'read'; readonly limit: number }
  | { readonly kind: 'remove'; readonly upTo: number; readonly isSynced: boolean }
)

export interface SpoolAnswer {
  readonly id: number
  readonly error: string | null
  readonly records: readonly SpooledRecord[]
  readonly usage: SpoolUsage
}

/** Of its thread: records pass through it one batch at a time. */
const YOUNG_GENERATION_MB = 3

/** The spool could not take or give records. */
export class SpoolError extends Error {
  override readonly name = 'SpoolError'
}

type Question = SpoolRequest extends infer R ? (R extends SpoolRequest ? Omit<R, 'id'> : never) : never

/** Records on their way to Postgres, kept on the local disk while it is away: a bounded, preallocated file worked by a thread of its own. */
export class Spool {
  readonly #worker: Worker
  readonly #waiting = new Map<number, { resolve: (answer: SpoolAnswer) => void; reject: (error: Error) => void }>()
  #nextId = 1
  #usage: SpoolUsage = { count: 0, usedBytes: 0, capacityBytes: 0, reserved: false }
  #broken: SpoolError | null = null

  private constructor(path: string, bytes: number) {
    const thread = {
      workerData: { path, bytes },
      name: 'spool',
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
    }
    this.#worker = startAs('usual', () => new Worker(new URL('./spool-worker.ts', import.meta.url), thread))
    this.#worker.on('message', (answer: SpoolAnswer) => {
      this.#usage = answer.usage
      const waiting = this.#waiting.get(answer.id)
      this.#waiting.delete(answer.id)
      if (answer.error === null) waiting?.resolve(answer)
      else waiting?.reject(new SpoolError(`the spool failed: ${answer.error}`))
    })
    this.#worker.on('error', (error) => this.#break(error.message))
    this.#worker.on('exit', () => this.#break('its thread ended'))
  }

  /** Opens (or makes) the file in `dataDir`, of `bytes`, and reserves its room. A disk too full for that leaves it open, not reserved. */
  static async open(dataDir: string, bytes: number, file = 'spool.sqlite'): Promise<Spool> {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 })
    const spool = new Spool(join(dataDir, file), Math.max(bytes, MIN_SPOOL_BYTES))
    await spool.#ask({ kind: 'open' })
    await spool.reserve()
    return spool
  }

  /** Records waiting to be replayed. */
  get count(): number {
    return this.#usage.count
  }

  get usage(): SpoolUsage {
    return this.#usage
  }

  /** Whether a new call's records, all the way to its end, would find room. */
  get hasRoom(): boolean {
    return (
      this.#broken === null && this.#usage.reserved && this.#usage.usedBytes < this.#usage.capacityBytes * NEARLY_FULL
    )
  }

  /** Tries to reserve what is not reserved yet; a full disk is no error, only no room. */
  async reserve(): Promise<void> {
    await this.#ask({ kind: 'reserve' }).catch(() => {})
  }

  /** Wipes what the file still has of records that have left it. */
  async wipe(): Promise<void> {
    await this.#ask({ kind: 'wipe' })
  }

  /** Resolves when the records are on the disk, synced, all or none. Rejects with SpoolError when there is no room. */
  async append(bodies: readonly string[]): Promise<void> {
    await this.#ask({ kind: 'append', bodies })
  }

  /** The oldest records, in the order they were appended. */
  async read(limit: number): Promise<readonly SpooledRecord[]> {
    return (await this.#ask({ kind: 'read', limit })).records
  }

  /**
   * Forgets the records up to this one: they are committed. Not `isSynced`: a power cut may bring them back, which only whoever is not changed
   * by them a second time may have; it is over at once, and no append waits for it.
   */
  async remove(upTo: number, isSynced = true): Promise<void> {
    await this.#ask({ kind: 'remove', upTo, isSynced })
  }

  async close(): Promise<void> {
    if (this.#broken) return
    const ended = new Promise<void>((resolve) => this.#worker.once('exit', () => resolve()))
    await this.#ask({ kind: 'close' })
    await ended
  }

  #ask(question: Question): Promise<SpoolAnswer> {
    if (this.#broken) return Promise.reject(this.#broken)
    const id = this.#nextId++
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject })
      this.#worker.postMessage({ ...question, id })
    })
  }

  #break(reason: string): void {
    this.#broken ??= new SpoolError(`the spool is closed: ${reason}`)
    for (const { reject } of this.#waiting.values()) reject(this.#broken)
    this.#waiting.clear()
  }
}
