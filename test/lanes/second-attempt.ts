import type { Failure, FileCounts, LaneCounts, LaneEnd } from './run-lane.ts'
import type { Lane } from './lanes.ts'

/** More files than this with failures are not late, they are broken. */
const MOST_FILES = 10

/**
 * Runs the files again in which a test failed, each whole and in a process of its own: what the failure left behind is gone, and no
 * other lane keeps the machine busy. A file of which each test has passed at one of its attempts has none that fails, and what did at one
 * is named. Any other counts as it did at the first.
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
  const before = first.files.find((one) => one.file === file)!
  const named = first.failed.filter((failure) => failure.file === file)
  const [now] = second.files
  if (crashed !== null || now === undefined || second.passes === 0 || !passedOnce(named, before, second.failed, now)) {
    const again = second.failed.map((failure) => ({ ...failure, title: `${failure.title}, at the second attempt` }))
    return { ...first, failed: [...first.failed, ...again] }
  }
  return {
    passes: first.passes - before.passes + second.passes + second.failures,
    pending: first.pending - before.pending + second.pending,
    unended: first.unended,
    failures: first.failures - named.length,
    failed: first.failed.filter((failure) => failure.file !== file),
    retried: [...first.retried, ...named, ...second.failed],
    files: first.files.map((one) => (one === before ? { ...now, ms: before.ms + now.ms } : one)),
  }
}

/** Where the second attempt fails too, each test that failed must be seen to pass at the other: a hook's failure hides what it kept from running. */
function passedOnce(
  failedFirst: readonly Failure[],
  first: FileCounts,
  failedSecond: readonly Failure[],
  second: FileCounts,
): boolean {
  if (failedSecond.length === 0) return true
  return (
    failedFirst.every(({ title }) => second.passed.includes(title)) &&
    failedSecond.every(({ title }) => first.passed.includes(title))
  )
}
