import type { Id } from './ids.ts'

export type ErasureId = Id<'erasure'>

/**
 * What the law wants kept: the record of a telemarketing call, a request not to be called and what came before it, the proof of a
 * consent, and that its number was asked about.
 */
export type KeptKind = 'call' | 'do_not_call' | 'do_not_call_history' | 'consent' | 'reassigned_number'

export interface KeptRecord {
  readonly kind: KeptKind
  /** The law that wants it. */
  readonly source: string
  readonly keepUntil: Date
  readonly record: Readonly<Record<string, unknown>>
}

/** A request to forget a number, and what became of it. */
export interface Erasure {
  readonly id: ErasureId
  /** What stands in the number's place. */
  readonly pseudonym: string
  readonly askedBy: string
  readonly reason: string
  readonly state: 'running' | 'done'
  readonly askedAt: Date
  readonly doneAt: Date | null
  /** Rows changed, by table. */
  readonly changed: Readonly<Record<string, number>>
  /** Why it has not got through yet; null: nothing was in its way. */
  readonly fault: string | null
}

/** One thing that is known of a number. `place` is a table, `archive`, `kept` or what else has it. */
export interface ExportedRecord {
  readonly place: string
  readonly record: unknown
}

/** Nothing is erased while the number is part of how the exchange is set up, or of a call in progress. */
export class NumberInUse extends Error {
  override readonly name = 'NumberInUse'
  readonly places: readonly string[]
  constructor(places: readonly string[]) {
    super(`the number stands in ${places.join(', ')}: it is taken out there first`)
    this.places = places
  }
}

/** Without keys nothing can be kept as the law wants it, so nothing is taken away. */
export class PrivacyUnable extends Error {
  override readonly name = 'PrivacyUnable'
  constructor() {
    super('security.encryption_keys is not set: what the law wants kept could not be sealed')
  }
}

/** How one class of data fares. */
export interface RetentionFigure {
  readonly class: string
  readonly days: number
  /** Why so long. */
  readonly source: string
  /** Rows older than that, still there, as far as they were counted; null: not counted yet. */
  readonly waiting: number | null
  /** Rows archived, deleted or changed by this process. */
  readonly done: number
  readonly failures: number
  /** Why the last run did not get through; null: it did. */
  readonly fault: string | null
}
