/** What accounts asks of others; main.ts supplies it. */
export interface AccountsNeeds {
  clock: { now(): number }
  newId<T extends string>(): T
}
