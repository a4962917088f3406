import type { PhoneNumber } from './phone-number.ts'

/** `internal`: people who asked us not to call. `blocked`: callers whose calls are never taken, whatever the leg. */
export type DncList = 'internal' | 'blocked'

export interface DncEntry {
  readonly number: PhoneNumber
  readonly list: DncList
  readonly reason: string
  readonly addedAt: Date
}
