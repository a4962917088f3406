import type { EndedCall } from '../fraud-call.ts'
import { EarliestFirst } from './earliest-first.ts'
import type { Pattern } from './pattern.ts'
import type { PlannedCall, TrafficEvent } from './planned-call.ts'

/** Plays sources of calls, each in the order of time, as one stream: every call arrives, and ends when its time has come. */
export function* play(sources: Iterable<Iterator<PlannedCall>>): Generator<TrafficEvent> {
  const arrivals = new EarliestFirst<{ source: Iterator<PlannedCall>; next: PlannedCall }>()
  const endings = new EarliestFirst<{ call: EndedCall; pattern: Pattern | null }>()
  const advance = (source: Iterator<PlannedCall>) => {
    const { done, value } = source.next()
    if (!done) arrivals.put(value.arriving.atMs, { source, next: value })
  }
  for (const source of sources) advance(source)
  while (arrivals.size > 0 || endings.size > 0) {
    // Of one instant the end comes first: a caller who hangs up and dials again is not two callers at once.
    if (endings.nextAt <= arrivals.nextAt) {
      yield { kind: 'ended', ...endings.take()! }
      continue
    }
    const { source, next } = arrivals.take()!
    yield { kind: 'arrived', call: next.arriving, pattern: next.pattern }
    endings.put(next.ended.endedAtMs, { call: next.ended, pattern: next.pattern })
    advance(source)
  }
}
