import type { Draft } from '../api/needs.ts'
import type { BookChange } from '../model/book.ts'
import type { Row } from './postgres.ts'

/** The kinds of book change that carry one stored row each. */
export type RowKind = Exclude<BookChange['kind'], 'dnc' | 'consent' | 'posting'>

/** How one kind of thing is laid out in its table. Both functions are pure. */
export interface TableLayout<T> {
  readonly table: string
  readonly kind: RowKind
  /** Whether `list` may filter by a `status` column. */
  readonly hasStatus: boolean
  /** The columns of the given properties; called with all of them at a creation and with some at an update. */
  readonly columns: (properties: Partial<Draft<T>>) => Row
  readonly read: (row: Row) => T
}
