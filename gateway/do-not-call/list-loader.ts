import type { SuppressionLists } from '../../compliance/suppression-lists.ts'
import type { Logger } from '../../config/logger.ts'
import type { BookChange } from '../../model/book.ts'
import type { SuppressionListId } from '../../model/ids.ts'
import type { LoadedNumbers } from '../../model/suppression-list.ts'
import type { ScreeningPart } from '../screening/screening-part.ts'
import type { Schedule } from '../start/schedule.ts'

/** After numbers could not be read, those of before stand for so long until they are asked for again. */
export const RELOAD_MS = 5_000

/** Where numbers of lists are stored. */
export interface ListStorage {
  readonly stores: {
    readonly suppression: { load(id: SuppressionListId, after: number | null): Promise<LoadedNumbers | null> }
  }
}

export interface ListLoaderNeeds {
  readonly lists: SuppressionLists
  readonly schedule: Schedule
  readonly log: Pick<Logger, 'info' | 'warn'>
}

/**
 * Keeps the numbers of do-not-call lists as they are stored: all of them before the first call, then those of each list that has changed. A list
 * is read once at a time, and once more when it has changed meanwhile.
 */
export class ListLoader implements ScreeningPart<ListStorage> {
  readonly #needs: ListLoaderNeeds
  readonly #loading = new Map<SuppressionListId, Promise<void>>()
  readonly #retries = new Map<SuppressionListId, () => void>()
  /** Changed while this process starts. */
  readonly #missed = new Set<SuppressionListId>()
  #storage: ListStorage | null = null
  #isStarted = false
  #isClosed = false

  constructor(needs: ListLoaderNeeds) {
    this.#needs = needs
  }

  apply(change: BookChange): void {
    if (change.kind !== 'suppression-list' || !this.#isStale(change.id, change.value?.revision)) return
    if (this.#isStarted) void this.#load(change.id)
    else this.#missed.add(change.id)
  }

  open(storage: ListStorage): void {
    this.#storage = storage
  }

  async start(): Promise<void> {
    this.#isStarted = true
    for (const { list, damage } of this.#needs.lists.all) {
      if (damage === null && !this.#missed.has(list.id)) continue
      await this.#read(list.id)
    }
    this.#missed.clear()
  }

  /** Resolves when what was committed of a list before now has been read, or could not be. */
  async loaded(id: SuppressionListId): Promise<void> {
    await this.#loading.get(id)
  }

  async close(): Promise<void> {
    this.#isClosed = true
    for (const takeBack of this.#retries.values()) takeBack()
    await Promise.all(this.#loading.values())
  }

  #isStale(id: SuppressionListId, revision: number | undefined): boolean {
    const held = this.#needs.lists.held(id)
    return revision !== undefined && held !== undefined && (held.damage !== null || held.list.revision < revision)
  }

  #load(id: SuppressionListId): Promise<void> {
    const after = this.#loading.get(id) ?? Promise.resolve()
    const loading = after
      .then(() => this.#try(id))
      .finally(() => {
        if (this.#loading.get(id) === loading) this.#loading.delete(id)
      })
    this.#loading.set(id, loading)
    return loading
  }

  async #try(id: SuppressionListId): Promise<void> {
    this.#retries.get(id)?.()
    this.#retries.delete(id)
    if (this.#isClosed) return
    try {
      await this.#read(id)
    } catch (error) {
      this.#needs.log.warn({ list: id, error }, 'a do-not-call list could not be read: its numbers of before stand')
      if (!this.#isClosed)
        this.#retries.set(
          id,
          this.#needs.schedule.after(RELOAD_MS, () => void this.#load(id)),
        )
    }
  }

  async #read(id: SuppressionListId): Promise<void> {
    const { lists, log } = this.#needs
    const held = lists.held(id)
    if (held === undefined) return
    // Where none can be relied on, the calls wait for them.
    const loaded = await this.#storage!.stores.suppression.load(id, held.damage === null ? held.list.revision : null)
    if (loaded === null) return // It is gone, and the book says so.
    lists.take(loaded)
    const { name, numbers, revision } = loaded.list
    if (loaded.damage === null) log.info({ list: name, numbers, revision }, 'do-not-call list loaded')
    else log.warn({ list: name, reason: loaded.damage }, 'a do-not-call list cannot be relied on')
  }
}
