import type { ArrivingCall, EndedCall } from '../fraud-call.ts'
import type { Pattern } from '../simulator/pattern.ts'
import type { ScenarioPlan, TrafficSimulator } from '../simulator/scenario.ts'

/** Whatever gives a call a score from 0 to 1 the moment it arrives, and is told how it ended. */
export interface Detector {
  arrive(call: ArrivingCall): number
  end(call: EndedCall): void
}

/** Scores from which a call is flagged, reviewed and blocked, in the order of severity. */
export interface Thresholds {
  readonly flag: number
  readonly review: number
  readonly block: number
}

/** Scores fall into so many steps: a curve of a thousand points is smooth. */
export const STEPS = 1000

/** What a detector made of the calls of one scenario, or of several together. */
export interface Judgement {
  /** Calls by the step of their score, from 0 to 1. */
  readonly clean: Float64Array
  readonly attack: Float64Array
  /** Of each attack that was found: from its first call to its first flagged one, in seconds, and the calls before that one. */
  readonly found: { readonly seconds: number; readonly calls: number }[]
  /** Of each attack, the share of its calls that was flagged. */
  readonly recalls: number[]
  /** Attacks of which no call was flagged. */
  missed: number
  /** Clean calls that were flagged, reviewed and blocked. */
  readonly falsely: { flagged: number; reviewed: number; blocked: number }
  cleanCalls: number
  attackCalls: number
  caught: number
}

export function emptyJudgement(): Judgement {
  return {
    clean: new Float64Array(STEPS + 1),
    attack: new Float64Array(STEPS + 1),
    found: [],
    recalls: [],
    missed: 0,
    falsely: { flagged: 0, reviewed: 0, blocked: 0 },
    cleanCalls: 0,
    attackCalls: 0,
    caught: 0,
  }
}

/** Plays a scenario past a detector and adds what it made of it, the warm-up apart, to `judgement`. At most one attack is judged. */
export function judge(
  simulator: TrafficSimulator,
  plan: ScenarioPlan,
  detector: Detector,
  { flag, review, block }: Thresholds,
  judgement: Judgement,
): void {
  const pattern: Pattern | undefined = plan.patterns[0]
  const { events, judgedFromMs } = simulator.simulate(plan)
  let beganAtMs = 0
  let calls = 0
  const caughtBefore = judgement.caught
  let isFound = false
  for (const event of events) {
    if (event.kind === 'ended') {
      detector.end(event.call)
      continue
    }
    const score = detector.arrive(event.call)
    const step = Math.min(STEPS, Math.max(0, Math.floor(score * STEPS)))
    if (event.pattern === null) {
      if (event.call.atMs < judgedFromMs) continue
      judgement.cleanCalls++
      judgement.clean[step]!++
      if (score >= flag) judgement.falsely.flagged++
      if (score >= review) judgement.falsely.reviewed++
      if (score >= block) judgement.falsely.blocked++
      continue
    }
    if (calls++ === 0) beganAtMs = event.call.atMs
    judgement.attackCalls++
    judgement.attack[step]!++
    if (score < flag) continue
    judgement.caught++
    if (isFound) continue
    isFound = true
    judgement.found.push({ seconds: (event.call.atMs - beganAtMs) / 1000, calls: calls - 1 })
  }
  if (pattern === undefined) return
  judgement.recalls.push((judgement.caught - caughtBefore) / calls)
  if (!isFound) judgement.missed++
}
