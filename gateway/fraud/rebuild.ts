import type { FraudWatch } from '../../compliance/fraud/fraud-watch.ts'
import type { EndedCall } from '../../compliance/fraud/fraud-call.ts'
import type { Places } from '../../model/places.ts'
import type { PastCall } from '../needs.ts'
import { arrivedBefore, endedBefore } from './fraud-calls.ts'

/** Counted before others have the thread again. */
const AT_ONCE = 1_000

/**
 * Counts the calls of before a start again, which come in the order they were received, each end in its place among them. Answers how many
 * there were.
 */
export async function rebuild(
  watch: Pick<FraudWatch, 'count' | 'end'>,
  calls: AsyncIterable<PastCall>,
  places: Places,
): Promise<number> {
  /** Calls up at that moment, the one that ends first last. */
  const open: EndedCall[] = []
  const endUntil = (atMs: number): void => {
    while (open.length > 0 && open.at(-1)!.endedAtMs <= atMs) watch.end(open.pop()!)
  }
  let count = 0
  for await (const call of calls) {
    endUntil(call.receivedAt.getTime())
    watch.count(arrivedBefore(call, places))
    const end = endedBefore(call)
    let [from, to] = [0, open.length]
    while (from < to) {
      const middle = (from + to) >>> 1
      if (open[middle]!.endedAtMs > end.endedAtMs) from = middle + 1
      else to = middle
    }
    open.splice(from, 0, end)
    if (++count % AT_ONCE === 0) await new Promise((resolve) => void setImmediate(resolve))
  }
  endUntil(Number.POSITIVE_INFINITY)
  return count
}
