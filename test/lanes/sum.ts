import type { Failure, LaneEnd } from './run-lane.ts'

/** What test/run-all.js ends with. */
export interface Sum {
  readonly passes: number
  readonly failures: number
  readonly pending: number
  readonly retried: readonly Failure[]
  /** Lines for the end of the log: how long what took, and every failure once more. */
  readonly closing: readonly string[]
}

const SLOWEST = 20

/** The lanes' counts together. A lane that did not end well counts as a failure of its own. */
export function sumOf(ends: readonly LaneEnd[]): Sum {
  const total = (count: (end: LaneEnd) => number): number => ends.reduce((sum, end) => sum + count(end), 0)
  return {
    passes: total(({ counts }) => counts.passes),
    failures: total(({ counts, crashed }) => counts.failures + (crashed === null ? 0 : 1)),
    pending: total(({ counts }) => counts.pending),
    retried: ends.flatMap(({ counts }) => counts.retried),
    closing: [...durations(ends), ...failures(ends)],
  }
}

function durations(ends: readonly LaneEnd[]): string[] {
  const files = ends.flatMap(({ counts }) => counts.files).toSorted((a, b) => b.ms - a.ms)
  return [
    ...ends.map(({ lane, ms }) => `${inSeconds(ms)}  all of ${lane.name} (${lane.files.length})`),
    ...files.slice(0, SLOWEST).map(({ file, ms }) => `${inSeconds(ms)}  ${file}`),
  ]
}

function failures(ends: readonly LaneEnd[]): string[] {
  return ends.flatMap(({ lane, counts, crashed }) => [
    ...counts.failed.map(({ title, listed }) => `failed (${lane.name}): ${title}\n${listed}`),
    ...(crashed === null ? [] : [`failed: ${lane.name}: ${crashed}`]),
  ])
}

function inSeconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`.padStart(9)
}
