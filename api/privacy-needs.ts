import type { PhoneNumber } from '../model/phone-number.ts'
import type { Erasure, ExportedRecord, RetentionFigure } from '../model/privacy.ts'
import type { Page, PageRequest } from './page.ts'

/** What is known of people by their numbers. All of it throws PrivacyUnable without keys. */
export interface PrivacyStore {
  /** Everything that says the number, and what is kept of it. */
  export(number: PhoneNumber): AsyncIterable<ExportedRecord>
  /** `recordings` deletes those of the calls it is given. Throws NumberInUse before anything is changed. */
  erase(
    number: PhoneNumber,
    asked: { readonly askedBy: string; readonly reason: string },
    recordings: (callIds: readonly string[]) => Promise<void>,
  ): Promise<Erasure>
  erasures(page: PageRequest): Promise<Page<Erasure>>
  /** Counts what waits to go. */
  look(): Promise<readonly RetentionFigure[]>
  /** Opens all of the archive. */
  verifyArchive(): Promise<{ readonly chunks: number; readonly rows: number; readonly faults: readonly string[] }>
  /** What the archive has of a call, as lines of JSON. */
  archivedOf(callId: string): Promise<readonly { readonly class: string; readonly line: string }[]>
}
