import type { Offence } from './guard-options.ts'
import type { RateBucket } from './rate-bucket.ts'

/** What is remembered of one source. Buckets are made when first needed: most sources need one. */
export class Source {
  readonly key: string
  /** Valid for this edition of the trusted blocks. */
  edition = -1
  isTrusted = false
  /** We have sent requests there lately: a buyer, whose address somebody may be forging. */
  knownUntilMs = 0
  bannedUntilMs = 0
  offence: Offence = 'requests'
  /** Bans so far, forgotten after a while of good behaviour. */
  bans = 0
  dropped = 0
  toldAtMs = -Infinity
  /** Heard of again since it was looked at for making room. */
  wasSeen = false
  requests: RateBucket | null = null
  everything: RateBucket | null = null
  /** What it sends over connections, whose source nobody can forge, when it cannot be banned. */
  streamed: RateBucket | null = null
  malformed: RateBucket | null = null
  failures: RateBucket | null = null

  constructor(key: string) {
    this.key = key
  }
}

/** How many are passed over in search of one that has been quiet, before the next best goes. */
const SEARCH = 16

/**
 * The sources there are, at most `capacity`. When full, whoever has been quiet since the search last came by makes room; a
 * banned one stays as long as there are others.
 */
export class SourceTable {
  readonly #capacity: number
  readonly #sources = new Map<string, Source>()

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  get size(): number {
    return this.#sources.size
  }

  get(key: string, nowMs: number): Source {
    const known = this.#sources.get(key)
    if (known !== undefined) {
      known.wasSeen = true
      return known
    }
    if (this.#sources.size >= this.#capacity) this.#makeRoom(nowMs)
    const source = new Source(key)
    this.#sources.set(key, source)
    return source
  }

  #makeRoom(nowMs: number): void {
    let searched = 0
    for (const source of this.#sources.values()) {
      const isQuiet = !source.wasSeen && source.bannedUntilMs <= nowMs
      if (isQuiet || ++searched > SEARCH) {
        this.#sources.delete(source.key)
        return
      }
      // Behind all others: the search goes round.
      source.wasSeen = false
      this.#sources.delete(source.key)
      this.#sources.set(source.key, source)
    }
    const [first] = this.#sources.keys()
    if (first !== undefined) this.#sources.delete(first)
  }
}
