import type pg from 'pg'
import { BOOK_CHANNEL } from './book.ts'
import type { Book } from './book.ts'
import { connect } from './postgres.ts'
import type { ConnectionOptions } from './postgres.ts'
import type { StorageLog } from './storage-log.ts'

/** Between two attempts to listen again, ms. */
export const RELISTEN_MS = 500
/** How often the book is caught up without being told, ms: a connection can be dead and not know it. */
export const POLL_MS = 10_000

/** Hears of other processes' changes and has the book caught up; after a broken connection too, since then some went unheard. */
export class BookListener {
  readonly #options: ConnectionOptions
  readonly #book: Book
  readonly #log: StorageLog
  #client: pg.Client | null = null
  #retry: NodeJS.Timeout | null = null
  #closed = false
  readonly #poll: NodeJS.Timeout

  constructor(options: ConnectionOptions, book: Book, log: StorageLog) {
    this.#options = options
    this.#book = book
    this.#log = log
    this.#poll = setInterval(() => this.#client && this.#catchUp(), POLL_MS).unref()
  }

  get listening(): boolean {
    return this.#client !== null
  }

  /** Throws when the database cannot be reached; later breaks are mended without a word to the caller. */
  async open(): Promise<void> {
    const client = await connect(this.#options, 'book', (error, lost) => this.#onLost(error, lost))
    client.on('notification', ({ payload }) => {
      this.#book.announced(Number(payload)).catch((error: Error) => this.#onFailure(error))
    })
    await client.query(`listen ${BOOK_CHANNEL}`)
    if (this.#closed) return client.end()
    this.#client = client
    this.#catchUp()
  }

  #catchUp(): void {
    this.#book.catchUp().catch((error: Error) => this.#onFailure(error))
  }

  #onFailure(error: Error): void {
    this.#log.warn({ error: error.message }, 'the book could not be caught up')
  }

  #onLost(error: Error, lost: pg.Client): void {
    if (this.#closed || lost !== this.#client) return
    this.#client = null
    this.#log.warn({ error: error.message }, 'no longer told of changes to the book: connecting again')
    this.#reopen()
  }

  #reopen(): void {
    this.#retry = setTimeout(() => {
      this.open().then(
        () => this.#log.info({}, 'told of changes to the book again'),
        () => !this.#closed && this.#reopen(),
      )
    }, RELISTEN_MS).unref()
  }

  async close(): Promise<void> {
    this.#closed = true
    clearInterval(this.#poll)
    if (this.#retry) clearTimeout(this.#retry)
    const client = this.#client
    this.#client = null
    await client?.end().catch(() => {})
  }
}
