import type { LaneCounts, LaneEnd } from './run-lane.ts'
import type { Lane } from './lanes.ts'

/** More files than this with failures are not late, they are broken. */
const MOST_FILES = 10

/**
 * Runs the files again in which a test failed, each whole and in a process of its own: what the failure left behind is gone, and no
 * other lane keeps the machine busy. A file that fails nothing then counts as it did at this attempt, and what failed at the first is
 * named. One that fails again counts as it did at the first.
 */
export async function withSecondAttempts(
  ends: readonly LaneEnd[],
  runAgain: (lane: Lane) => Promise<LaneEnd>,
): Promise<LaneEnd[]> {
  const failed = ends.reduce((sum, { counts }) => sum + filesThatFailed(counts).length, 0)
  if (failed > MOST_FILES) return [...ends]
  const after: LaneEnd[] = []
  for (const end of ends) {
    let { counts } = end
    for (const file of filesThatFailed(counts)) {
      const again = await runAgain({ ...end.lane, name: `${file}, second attempt`, files: [file], niceness: 0 })
      counts = counted(counts, file, again)
    }
    after.push({ ...end, counts })
  }
  return after
}

function filesThatFailed(counts: LaneCounts): string[] {
  return [...new Set(counts.failed.map(({ file }) => file))].filter((file) => file !== '')
}

function counted(first: LaneCounts, file: string, { counts: second, crashed }: LaneEnd): LaneCounts {
  if (crashed !== null || second.failures > 0 || second.passes === 0) {
    const again = second.failed.map((failure) => ({ ...failure, title: `${failure.title}, at the second attempt` }))
    return { ...first, failed: [...first.failed, ...again] }
  }
  const before = first.files.find((one) => one.file === file)!
  const [now] = second.files
  const named = first.failed.filter((failure) => failure.file === file)
  return {
    passes: first.passes - before.passes + second.passes,
    pending: first.pending - before.pending + second.pending,
    unended: first.unended,
    failures: first.failures - named.length,
    failed: first.failed.filter((failure) => failure.file !== file),
    retried: [...first.retried, ...named],
    files: first.files.map((one) => (one === before ? { ...now!, ms: before.ms + now!.ms } : one)),
  }
}
