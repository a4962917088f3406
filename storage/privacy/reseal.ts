import { sealedBy, type Vault } from '../../config/vault.ts'
import type { Queries } from '../postgres.ts'
import { columnPurpose, sealedColumns } from '../sealed-layout.ts'

/** Rows of one reading. */
const PAGE = 200

/** One column of sealed texts. */
interface SealedPlace {
  readonly table: string
  readonly key: string
  readonly keyType: 'uuid' | 'text'
  readonly column: string
  /** Another column that sealing is bound to. */
  readonly of?: string
  readonly isJson?: boolean
  /** The same sealed by the key of now; null: it is. Throws Unsealable. */
  readonly again: (value: unknown, of: string) => string | null
}

export interface Resealers {
  readonly vault: Vault | null
  /** Null without payouts.bank_key. */
  readonly bank: { readonly vault: Vault; readonly what: string } | null
  /** One secret of a bidder; null: it is sealed by the key of now. Throws when it cannot be opened. */
  readonly bidderSecret: (sealed: string) => string | null
}

export interface Resealed {
  readonly place: string
  readonly sealed: number
  readonly changed: number
  /** A sentence each of what could not be opened. */
  readonly faults: readonly string[]
}

/** Seals what stands in the clear in columns that are sealed by now. */
export async function sealPlain(queries: Queries, vault: Vault): Promise<void> {
  for (const place of columnPlaces(vault)) {
    const again = (value: unknown, of: string): string | null =>
      typeof value === 'string' && sealedBy(value) !== null ? null : place.again(value, of)
    await reseal(queries, { ...place, again })
  }
}

/** Seals all there is by the keys of now. Cut off, it is begun again: what is done is passed over. */
export async function resealAll(queries: Queries, resealers: Resealers): Promise<Resealed[]> {
  const { vault, bank, bidderSecret } = resealers
  const places: SealedPlace[] = [
    { table: 'bidders', key: 'id', keyType: 'uuid', column: 'secrets', isJson: true, again: eachSecret(bidderSecret) },
  ]
  if (vault !== null) places.push(...columnPlaces(vault), ...privacyPlaces(vault))
  if (bank !== null)
    for (const [table, key] of [
      ['bank_accounts', 'account_id'],
      ['payouts', 'id'],
    ] as const) {
      const again = (value: unknown, of: string): string | null => bank.vault.reseal(value as string, bank.what, of)
      places.push({ table, key, keyType: 'uuid', column: 'number_sealed', of: 'account_id', again })
    }
  const resealed: Resealed[] = []
  for (const place of places) resealed.push(await reseal(queries, place))
  return resealed
}

function columnPlaces(vault: Vault): SealedPlace[] {
  return sealedColumns().map(({ table, column, isJson }) => ({
    table,
    key: 'id',
    keyType: 'uuid',
    column,
    isJson,
    again(value) {
      const what = columnPurpose(table, column)
      if (typeof value === 'string' && sealedBy(value) !== null) return asJson(vault.reseal(value, what), isJson)
      return asJson(vault.seal(typeof value === 'string' ? value : JSON.stringify(value), what), isJson)
    },
  }))
}

/** What the tables of privacy are sealed for: a row of theirs is bound to its key. */
export const PRIVACY_SEALS = { key: 'privacy key', kept: 'kept record', number: 'erasure', archive: 'archive' } as const

function privacyPlaces(vault: Vault): SealedPlace[] {
  const place = (table: string, key: string, column: string, what: string): SealedPlace => ({
    table,
    key,
    keyType: key === 'id' ? 'uuid' : 'text',
    column,
    of: key,
    again: (value, of) => vault.reseal(value as string, what, of),
  })
  return [
    place('privacy_keys', 'name', 'sealed', PRIVACY_SEALS.key),
    place('privacy_kept', 'id', 'sealed', PRIVACY_SEALS.kept),
    place('privacy_erasures', 'id', 'number_sealed', PRIVACY_SEALS.number),
    place('privacy_archive', 'id', 'key', PRIVACY_SEALS.archive),
  ]
}

function eachSecret(bidderSecret: (sealed: string) => string | null) {
  return (value: unknown): string | null => {
    const entries = Object.entries(value as Record<string, string>).map(([name, sealed]) => {
      const again = bidderSecret(sealed)
      return { entry: [name, again ?? sealed] as const, isChanged: again !== null }
    })
    return entries.some(({ isChanged }) => isChanged)
      ? JSON.stringify(Object.fromEntries(entries.map(({ entry }) => entry)))
      : null
  }
}

function asJson(sealed: string | null, isJson: boolean): string | null {
  return isJson && sealed !== null ? JSON.stringify(sealed) : sealed
}

async function reseal(queries: Queries, place: SealedPlace): Promise<Resealed> {
  const { table, key, keyType, column, of, isJson } = place
  const faults: string[] = []
  let [after, sealed, changed] = [null as string | null, 0, 0]
  for (;;) {
    const rows = await queries.rows(
      `select ${key}::text as key, ${column} as value, ${column}::text as text, ${of ?? "''"}::text as of from ${table}
       where ${column} is not null and ($1::text is null or ${key} > $1::${keyType}) order by ${key} limit ${PAGE}`,
      [after],
    )
    for (const row of rows) {
      sealed++
      try {
        const again = place.again(row['value'], row['of'])
        if (again === null) continue
        // Changed meanwhile: then by somebody who seals as we do.
        const done = await queries.rows(
          `update ${table} set ${column} = $2${isJson ? '::jsonb' : ''} where ${key} = $1::${keyType} and ${column}::text = $3 returning 1`,
          [row['key'], again, row['text']],
        )
        changed += done.length
      } catch (error) {
        faults.push(`${table} ${row['key']}: ${(error as Error).message}`)
      }
    }
    if (rows.length < PAGE) return { place: `${table}.${column}`, sealed, changed, faults }
    after = rows.at(-1)!['key']
  }
}
