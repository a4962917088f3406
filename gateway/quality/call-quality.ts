import type { CallRecord, LegRecord } from '../../model/cdr.ts'
import type { Clock } from '../../model/clock.ts'
import { LastUsed } from '../../model/last-used.ts'
import type { QualityWindow } from '../../model/quality-window.ts'
import { Quality, type QualitySample } from './quality-window.ts'

/** Trunks, and targets, whose quality is kept; above it the one longest without a call is forgotten. */
const MAX_KEPT = 5000

/** Trunks, and targets, that the metrics tell apart; those that come later are one, named `other`. */
const MAX_LABELS = 500
const OTHER = 'other'

/** Answers of a person or phone that was reached: unavailable, busy, busy everywhere, declined (RFC 6076 §4.7), unwanted (RFC 8197). */
const EFFECTIVE_STATUSES: ReadonlySet<number> = new Set([480, 486, 600, 603, 607])

const NO_CALLS = new Quality()

export interface QualityLimits {
  readonly maxKept: number
  readonly maxLabels: number
}

/** What a call says of the trunk it came by. */
export function trunkSample(call: CallRecord): QualitySample {
  const isAnswered = call.answeredAt !== null
  const isEffective =
    isAnswered ||
    call.outcome === 'busy' ||
    call.outcome === 'no_answer' ||
    (call.outcome === 'cancelled' && call.ringingAt !== null)
  const rangAt = call.ringingAt ?? call.answeredAt
  // By us, before anybody rang for it: whoever is asked something first waits no longer.
  const heardAt = call.legs[0]?.answeredAt ?? null
  const isHeardFirst = heardAt !== null && (rangAt === null || heardAt < rangAt)
  const pddMs = since(call.receivedAt, isHeardFirst ? heardAt : rangAt)
  return { isAnswered, isEffective, talkMs: isAnswered ? call.durationMs : 0, pddMs }
}

/** What it says of a target that was rung for it. */
export function targetSample(leg: LegRecord, call: CallRecord): QualitySample {
  const isAnswered = leg.answeredAt !== null
  const gaveUpRinging = (leg.sipStatus === null || leg.sipStatus === 487) && leg.ringingAt !== null
  const isEffective = isAnswered || gaveUpRinging || EFFECTIVE_STATUSES.has(leg.sipStatus ?? 0)
  const isSold = isAnswered && leg.bidId === call.bidId
  return {
    isAnswered,
    isEffective,
    talkMs: isSold ? call.durationMs : 0,
    pddMs: since(leg.invitedAt, leg.ringingAt ?? leg.answeredAt),
  }
}

function since(start: Date, end: Date | null): number | null {
  return end && Math.max(0, end.getTime() - start.getTime())
}

/** The quality of each of a kind, and of those that metrics do not tell apart. */
export class QualityTable {
  readonly #kept: LastUsed<string, Quality>
  /** For the life of the process: a series that changed its name would be two. */
  readonly #labels = new Set<string>()
  readonly #other = new Quality()
  readonly #limits: QualityLimits

  constructor(limits: QualityLimits) {
    this.#limits = limits
    this.#kept = new LastUsed(limits.maxKept)
  }

  add(id: string, atMs: number, sample: QualitySample): void {
    this.#kept.use(id, () => new Quality()).add(atMs, sample)
    if (this.labelOf(id) === OTHER) this.#other.add(atMs, sample)
  }

  /** What metrics call it. */
  labelOf(id: string): string {
    if (this.#labels.has(id)) return id
    if (this.#labels.size >= this.#limits.maxLabels) return OTHER
    this.#labels.add(id)
    return id
  }

  /** All windows empty for one that had no call. */
  read(id: string, nowMs: number): QualityWindow[] {
    return (this.#kept.peek(id) ?? NO_CALLS).read(nowMs)
  }

  /** By label, those with a call in the last day. */
  *labelled(nowMs: number): Generator<{ label: string; windows: QualityWindow[] }> {
    for (const label of [...this.#labels, OTHER]) {
      const windows = label === OTHER ? this.#other.read(nowMs) : this.read(label, nowMs)
      if (windows.at(-1)!.attempts > 0) yield { label, windows }
    }
  }
}

/** ASR, NER, ACD and PDD of every trunk and target: a call counts when it ends, at the moment it ended. */
export class CallQuality {
  readonly trunks: QualityTable
  readonly targets: QualityTable
  readonly #clock: Clock

  constructor(clock: Clock, limits: QualityLimits = { maxKept: MAX_KEPT, maxLabels: MAX_LABELS }) {
    this.#clock = clock
    this.trunks = new QualityTable(limits)
    this.targets = new QualityTable(limits)
  }

  count(call: CallRecord): void {
    const atMs = (call.endedAt ?? call.receivedAt).getTime()
    this.trunks.add(call.trunkId, atMs, trunkSample(call))
    for (const leg of call.legs) {
      if (leg.side !== 'buyer' || leg.targetId === null) continue
      const sample = targetSample(leg, call)
      this.targets.add(leg.targetId, atMs, sample)
      if (leg.trunkId !== null) this.trunks.add(leg.trunkId, atMs, sample)
    }
  }

  ofTrunk(id: string): QualityWindow[] {
    return this.trunks.read(id, this.#clock.now())
  }

  ofTarget(id: string): QualityWindow[] {
    return this.targets.read(id, this.#clock.now())
  }
}
