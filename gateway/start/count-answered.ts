import type { Telemetry } from '../../config/telemetry.ts'

/** A request of the API that has been answered. */
interface Answered {
  readonly method: string
  /** As it is declared, not the path. */
  readonly route: string
  readonly status: number
  readonly seconds: number
}

/** Counts the API's answers. */
export function countAnswered(telemetry: Telemetry): (answered: Answered) => void {
  return ({ method, route, status, seconds }) => {
    telemetry.httpRequests.inc({ method, route, status: String(status) })
    telemetry.httpDuration.observe({ route }, seconds)
  }
}
