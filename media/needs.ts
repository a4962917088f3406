/** What media asks of others; main.ts supplies it. */
export interface MediaNeeds {
  /** Where engines and their threads report what went wrong; never called per packet. */
  log: { warn(details: object, message: string): void; error(details: object, message: string): void }
}
