import type { CallRecord, SoldTerms } from '../../model/cdr.ts'
import type { Hold, Posting } from '../../model/ledger.ts'

/** A call that somebody has bought. */
export interface Sale {
  readonly call: CallRecord
  readonly hold: Hold
  readonly terms: SoldTerms
  readonly name: string
}

export interface EndedSale extends Sale {
  readonly record: CallRecord
  readonly posting: Posting | null
  /** Which of the batches its end was written in. */
  readonly batch: number
}
