import type { Micros } from '../model/money.ts'
import type { Row } from './postgres.ts'

/** The columns whose property was given: an absent property leaves its column alone. */
export function given(columns: Row): Row {
  return Object.fromEntries(Object.entries(columns).filter(([, value]) => value !== undefined))
}

/** A bigint column comes as text, since JavaScript's numbers end at 2^53. */
export function readMicros(value: string | number): Micros {
  return BigInt(value)
}

export function readMicrosOrNull(value: string | number | null): Micros | null {
  return value === null ? null : BigInt(value)
}

/** A jsonb parameter: text, or null for SQL's null; undefined stays absent. */
export function json(value: unknown): string | null | undefined {
  if (value === undefined) return undefined
  return value === null ? null : JSON.stringify(value)
}

export function readDateOrNull(value: string | null): Date | null {
  return value === null ? null : new Date(value)
}
