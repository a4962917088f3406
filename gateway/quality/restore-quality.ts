import type { CallRecord } from '../../model/cdr.ts'
import type { CallQuality } from './call-quality.ts'
import { QUALITY_WINDOWS } from './quality-window.ts'

/** The most calls read back, the newest: a start may not take long. On a busy exchange the day's window begins shorter. */
const MAX_RESTORED_CALLS = 10_000
const PAGE = 1000

type ReadCalls = (
  page: { limit: number; cursor: string | null },
  filter: { state: string; since: Date },
) => Promise<{ readonly data: readonly CallRecord[]; readonly nextCursor: string | null }>

/** Counts the calls of the last day that earlier processes wrote down, the newest first. */
export async function restoreQuality(
  quality: CallQuality,
  readCalls: ReadCalls,
  nowMs: number,
  maxCalls = MAX_RESTORED_CALLS,
): Promise<void> {
  const since = new Date(nowMs - Math.max(...QUALITY_WINDOWS) * 1000)
  let cursor: string | null = null
  let left = maxCalls
  do {
    const page = await readCalls({ limit: Math.min(PAGE, left), cursor }, { state: 'ended', since })
    for (const call of page.data) quality.count(call)
    left -= page.data.length
    cursor = page.nextCursor
  } while (cursor !== null && left > 0)
}
