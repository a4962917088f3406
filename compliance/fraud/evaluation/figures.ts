import { STEPS, type Judgement } from './judge.ts'

/** What is published of a pattern. Shares are of 1. */
export interface Figures {
  readonly attacks: number
  readonly attackCalls: number
  readonly recall: number
  /** The mean of the attacks' own, so that a small one counts as much as a flood; and the lowest. */
  readonly meanRecall: number
  readonly worstRecall: number
  /** Of the clean calls of the same scenarios, those flagged. */
  readonly falsePositives: number
  /** Of the flagged calls of the scenarios, those that were of the attack. */
  readonly precision: number
  readonly missed: number
  readonly medianSeconds: number
  readonly worstSeconds: number
  readonly medianCalls: number
  /** Area under the curve of recall over false positives. */
  readonly auc: number
}

export function figuresOf(judgement: Judgement): Figures {
  const { cleanCalls, attackCalls, caught, falsely, found, recalls, missed } = judgement
  const seconds = found.map((each) => each.seconds).toSorted((a, b) => a - b)
  const calls = found.map((each) => each.calls).toSorted((a, b) => a - b)
  return {
    attacks: found.length + missed,
    attackCalls,
    recall: caught / attackCalls,
    meanRecall: recalls.reduce((sum, each) => sum + each, 0) / recalls.length,
    worstRecall: Math.min(...recalls),
    falsePositives: falsely.flagged / cleanCalls,
    precision: caught / (caught + falsely.flagged),
    missed,
    medianSeconds: seconds[Math.floor(seconds.length / 2)] ?? NaN,
    worstSeconds: seconds.at(-1) ?? NaN,
    medianCalls: calls[Math.floor(calls.length / 2)] ?? NaN,
    auc: areaUnder(curveOf(judgement)),
  }
}

/** Points of recall over false positives, from no call flagged to every one. */
export function curveOf({ clean, attack, cleanCalls, attackCalls }: Judgement): { x: number; y: number }[] {
  const points = [{ x: 0, y: 0 }]
  let falsely = 0
  let rightly = 0
  for (let step = STEPS; step >= 0; step--) {
    if (clean[step] === 0 && attack[step] === 0) continue
    falsely += clean[step]!
    rightly += attack[step]!
    points.push({ x: falsely / cleanCalls, y: rightly / attackCalls })
  }
  return points
}

function areaUnder(points: readonly { x: number; y: number }[]): number {
  return points.reduce((sum, { x, y }, at) => {
    const before = points[at - 1]
    return before ? sum + ((x - before.x) * (y + before.y)) / 2 : sum
  }, 0)
}
