import type { BookChange } from '../../model/book.ts'
import type { Call } from '../live-call.ts'
import type { Evidence, Judge } from './evidence.ts'

/** One part of screening, as it lives in the process. All is optional: a list in memory needs no closing. */
export interface ScreeningPart<Storage> {
  /** What it knows of calls before they are judged. */
  readonly evidence?: readonly Evidence[]
  readonly judge?: Judge | null
  /** A committed change of the book. Also before `open` and, all over again, before `start`. */
  apply?(change: BookChange): void
  /** The storage is there; the book is not loaded yet. */
  open?(storage: Storage): void
  /** The book is loaded; no call has been taken yet. Rejects to stop the start. */
  start?(): Promise<void>
  /** A call has ended, whatever became of it, and its record is written. */
  ended?(call: Call): void
  /** No call is left. The storage closes after it. */
  close?(): Promise<void>
}
