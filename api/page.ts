/** One page of a list: newest first; `nextCursor` is opaque and null at the end. */
export interface Page<T> {
  readonly data: readonly T[]
  readonly nextCursor: string | null
}
export interface PageRequest {
  /** 1 to 1000. */
  readonly limit: number
  readonly cursor: string | null
}
