import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import type { Page, PageRequest } from './needs.ts'
import { invalid } from './problems.ts'

/**
 * Cursors as clients see them: the store's own, sealed for one list, so that a store never meets one it did not make.
 * The seal is keyed by the signing key, which all API processes share.
 */
export interface Cursors {
  /** What a store is asked for; throws 422 for a cursor that is not of this list. */
  request(list: string, query: { limit: number; cursor?: string | undefined }): PageRequest
  /** The answer of a list. */
  answer<T>(list: string, page: Page<T>, print: (item: T) => unknown): { data: unknown[]; next_cursor: string | null }
}

const SEAL_BYTES = 12

export function createCursors(privateKeyPem: string): Cursors {
  const key = createHash('sha256').update('cursors').update(privateKeyPem).digest()
  const seal = (list: string, cursor: string) =>
    createHmac('sha256', key).update(`${list}\n${cursor}`).digest().subarray(0, SEAL_BYTES)

  return {
    request(list, { limit, cursor }) {
      if (cursor === undefined) return { limit, cursor: null }
      const bytes = Buffer.from(cursor, 'base64url')
      const inner = bytes.subarray(SEAL_BYTES).toString('utf8')
      if (bytes.length <= SEAL_BYTES || !timingSafeEqual(seal(list, inner), bytes.subarray(0, SEAL_BYTES))) {
        throw invalid('/query/cursor', 'is not a cursor of this list', 'invalid_cursor')
      }
      return { limit, cursor: inner }
    },
    answer(list, page, print) {
      const next = page.nextCursor
      return {
        data: page.data.map(print),
        next_cursor: next === null ? null : Buffer.concat([seal(list, next), Buffer.from(next)]).toString('base64url'),
      }
    },
  }
}
