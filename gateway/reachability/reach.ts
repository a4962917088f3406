import type { Reachability, ReachState } from '../../model/reachability.ts'

export interface ReachRules {
  /** So many failures in a row are needed to be down. */
  readonly failuresToDown: number
  /** Whether a place that has never answered an OPTIONS may be down: many phones drop OPTIONS, and take calls. */
  readonly isStrict: boolean
}

/** 408 and 503 are what SIP servers make up when there is no answer and no way; anything else is the answer of somebody alive. */
export function isAlive(status: number | null): boolean {
  return status !== null && status !== 408 && status !== 503
}

/** Whether one place answers, learned from OPTIONS and from calls alike. */
export class Reach implements Reachability {
  state: ReachState = 'unknown'
  since: Date | null = null
  lastStatus: number | null = null
  #failures = 0
  #hasAnsweredProbe = false

  /** Takes in an outcome (null: no answer); true when the state is another now. */
  learn(from: 'probe' | 'call', status: number | null, at: Date, rules: ReachRules): boolean {
    this.lastStatus = status
    if (isAlive(status)) {
      this.#failures = 0
      if (from === 'probe') this.#hasAnsweredProbe = true
      return this.#become('up', at)
    }
    this.#failures++
    if (this.#failures < rules.failuresToDown || !(this.#hasAnsweredProbe || rules.isStrict)) return false
    return this.#become('down', at)
  }

  #become(state: ReachState, at: Date): boolean {
    if (this.state === state) return false
    this.state = state
    this.since = at
    return true
  }
}
