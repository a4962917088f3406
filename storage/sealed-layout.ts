import { sealedBy, Unsealable, type Vault } from '../config/vault.ts'
import type { Row } from './postgres.ts'
import type { TableLayout } from './table-layout.ts'

/** Columns of the book that open something, sealed where there is a vault: a copy of the database tells nobody. */
const SEALED: Readonly<Record<string, readonly string[]>> = {
  trunks: ['password', 'digest'],
  sip_users: ['digest'],
  webhooks: ['secret'],
  suppression_lists: ['lookup'],
}

/** Those that hold JSON. */
const JSON_COLUMNS = new Set(['digest', 'lookup'])

/** A key of 32 bytes, sealed, and a text: nobody's password looks like that. */
const SEALED_TEXT = /^v2\.[\w-]+\.[\w-]{80}\.[\w-]+$/
export const SET_KEYS = 'set security.encryption_keys to the keys it was sealed with'

/** What a column's texts are sealed for. */
export function columnPurpose(table: string, column: string): string {
  return `${table}.${column}`
}

/** The sealed columns of every table of the book. */
export function sealedColumns(): { table: string; column: string; isJson: boolean }[] {
  return Object.entries(SEALED).flatMap(([table, columns]) =>
    columns.map((column) => ({ table, column, isJson: JSON_COLUMNS.has(column) })),
  )
}

/** The layout with its sealed columns sealed on their way in and opened on their way out; those in the clear are read as they are. */
export function sealedLayout<T>(layout: TableLayout<T>, vault: Vault | null): TableLayout<T> {
  const columns = SEALED[layout.table]
  if (columns === undefined) return layout
  const each = (row: Row, change: (value: string, column: string) => unknown): Row => {
    const changed = columns.filter((column) => typeof row[column] === 'string')
    return { ...row, ...Object.fromEntries(changed.map((column) => [column, change(row[column], column)])) }
  }
  return {
    ...layout,
    columns: (properties) =>
      vault === null
        ? layout.columns(properties)
        : each(layout.columns(properties), (value, column) => {
            const sealed = vault.seal(value, columnPurpose(layout.table, column))
            return JSON_COLUMNS.has(column) ? JSON.stringify(sealed) : sealed
          }),
    read: (row) => layout.read(each(row, (value, column) => openColumn(value, layout.table, column, vault))),
  }
}

/** Throws Unsealable. */
export function openColumn(value: string, table: string, column: string, vault: Vault | null): unknown {
  if (sealedBy(value) === null) return value
  if (vault === null) {
    if (!SEALED_TEXT.test(value)) return value
    throw new Unsealable(`${columnPurpose(table, column)} is sealed in this database: ${SET_KEYS}`)
  }
  const text = vault.open(value, columnPurpose(table, column))
  return JSON_COLUMNS.has(column) ? JSON.parse(text) : text
}
