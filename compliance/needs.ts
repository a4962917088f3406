import type { Places } from '../model/places.ts'

/** What compliance asks of others; main.ts supplies it. */
export interface ComplianceNeeds {
  places: Places
  clock: { now(): number }
}
