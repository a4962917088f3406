import type { PhoneNumber } from './phone-number.ts'

/** `internal`: people who asked us not to call. `blocked`: callers whose calls are never taken, whatever the leg. */
export const HOUSE_LISTS = ['internal', 'blocked'] as const
export type DncList = (typeof HOUSE_LISTS)[number]

/** Whether a name is one of the house's own lists: no other list is called so. */
export function isHouseList(name: string): name is DncList {
  return (HOUSE_LISTS as readonly string[]).includes(name)
}

export interface DncEntry {
  readonly number: PhoneNumber
  readonly list: DncList
  readonly reason: string
  readonly addedAt: Date
}
