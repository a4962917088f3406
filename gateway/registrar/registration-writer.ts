import type { SipUserId } from '../../model/ids.ts'
import type { SipBinding } from '../../model/sip-user.ts'
import type { RegistrationStore } from '../needs.ts'

/** What a crash may lose: a client that registered within it is not rung until it registers again. */
const WRITE_EVERY_MS = 1000
/** Users written in one statement. */
const BATCH = 500

/**
 * Writes registrations down behind the registrar, which waits for nothing. Only the latest bindings of each user wait, so what
 * waits is never more than there are users; while the database is away they go on waiting.
 */
export class RegistrationWriter {
  readonly #store: RegistrationStore
  readonly #log: { warn(details: object, message: string): void }
  readonly #waiting = new Map<SipUserId, readonly SipBinding[]>()
  readonly #timer: NodeJS.Timeout
  #writing: Promise<void> | null = null
  #failed = false

  constructor(store: RegistrationStore, log: { warn(details: object, message: string): void }) {
    this.#store = store
    this.#log = log
    this.#timer = setInterval(() => void this.flush(), WRITE_EVERY_MS)
    this.#timer.unref()
  }

  /** Users whose bindings are not written yet. */
  get waiting(): number {
    return this.#waiting.size
  }

  changed(userId: SipUserId, bindings: readonly SipBinding[]): void {
    this.#waiting.set(userId, bindings)
  }

  /** Writes what waits. Resolves also when it could not: then it waits on. */
  flush(): Promise<void> {
    this.#writing ??= this.#write().finally(() => (this.#writing = null))
    return this.#writing
  }

  async #write(): Promise<void> {
    while (this.#waiting.size > 0) {
      const batch = [...this.#waiting].slice(0, BATCH).map(([userId, bindings]) => ({ userId, bindings }))
      try {
        await this.#store.save(batch)
      } catch (error) {
        if (!this.#failed) this.#log.warn({ error }, 'registrations cannot be written; they are kept in memory')
        this.#failed = true
        return
      }
      this.#failed = false
      for (const { userId, bindings } of batch) if (this.#waiting.get(userId) === bindings) this.#waiting.delete(userId)
    }
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    await this.flush() // One that is under way may have begun before the last change.
    await this.flush()
  }
}
