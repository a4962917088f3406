import { BadCursor } from '../api/needs.ts'
import type { Page, PageRequest } from '../api/needs.ts'

/** Where a page ended: the sort time in ms and the key that breaks ties. */
export interface Position {
  readonly ms: number
  readonly key: string
}

const CURSOR = /^(\d{1,15})\.([0-9a-z+-]{1,64})$/

/** An opaque, URL-safe text for a position. */
export function buildCursor(position: Position): string {
  return Buffer.from(`${position.ms}.${position.key}`).toString('base64url')
}

/** Reads a cursor; throws BadCursor for anything `buildCursor` never made. `key` is the form the list's tie-breaker has. */
export function readCursor(cursor: string, key: RegExp): Position {
  const match = /^[\w-]{1,128}$/.test(cursor) ? CURSOR.exec(Buffer.from(cursor, 'base64url').toString()) : null
  const ms = Number(match?.[1])
  // Beyond this JavaScript knows no date.
  if (!match || ms > 8.64e15 || !key.test(match[2]!)) throw new BadCursor('the cursor is none that this list gave out')
  return { ms, key: match[2]! }
}

export const UUID_KEY = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
export const SERIAL_KEY = /^\d{1,18}$/

export const MAX_PAGE = 1000

/** A page of `limit` out of `limit + 1` fetched rows: the extra one only says that there are more. */
export function pageOf<R, T>(
  rows: readonly R[],
  request: PageRequest,
  read: (row: R) => T,
  position: (row: R) => Position,
): Page<T> {
  const shown = rows.slice(0, pageLimit(request))
  const last = shown.at(-1)
  return {
    data: shown.map(read),
    nextCursor: rows.length > shown.length && last !== undefined ? buildCursor(position(last)) : null,
  }
}

export function pageLimit(request: PageRequest): number {
  return Math.max(1, Math.min(MAX_PAGE, Math.trunc(request.limit)))
}
