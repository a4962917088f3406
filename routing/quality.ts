import { LastUsed } from '../model/last-used.ts'
import { OUTCOME_KINDS, type OutcomeKind, type TargetQuality } from '../model/outcome.ts'
import { DecayedCounts } from './decayed-counts.ts'

/**
 * How well a target's calls have gone, in thousandths: 500 to 1500. It enters the ranking only, never the price a buyer may
 * be charged beyond its bid. 1000 is as targets here are on average, and what one is that has had too few calls.
 */
export type QualityThousandths = number

export const NEUTRAL_QUALITY: QualityThousandths = 1000
const LOWEST_QUALITY: QualityThousandths = 500
const HIGHEST_QUALITY: QualityThousandths = 1500

/** A target is measured once it was rung for so many calls, faded as they are. */
const FEWEST_ATTEMPTS = 50
/** A rate counts as if so many more calls had gone as all targets' go: the strength of the Beta prior. */
const PRIOR_STRENGTH = 25
/** So many calls stand for a target that nobody has yet rung where its success is guessed: few, so that it is tried. */
const GUESS_STRENGTH = 4
/** What one call in three comes to, until the exchange has seen a hundred. */
const FIRST_GUESS = 0.3
const FEWEST_GUESSED_BY = 100
/** Most targets that are measured; past it the one longest without a call is forgotten. */
const MOST_TARGETS = 20_000
/** The average of all targets is worked out anew so often. */
const AVERAGE_MS = 60_000

const KIND = Object.fromEntries(OUTCOME_KINDS.map((kind, i) => [kind, i])) as Record<OutcomeKind, number>

/** The rates of one target, or of all: each the better the higher. */
interface Rates {
  readonly answered: number
  readonly converted: number
  readonly long: number
  readonly content: number
}
const NO_RATES: Rates = { answered: 1, converted: 1, long: 1, content: 1 }

/** The chance that a call which a target is rung for is billed: mean and variance of what is known of it. */
export interface Success {
  readonly mean: number
  readonly variance: number
}

/** The whole thousandths within the limits. Only sums, products and quotients come before it: every machine rounds them alike. */
export function toQuality(relative: number): QualityThousandths {
  if (Number.isNaN(relative)) return NEUTRAL_QUALITY
  return Math.min(HIGHEST_QUALITY, Math.max(LOWEST_QUALITY, Math.round(relative * 1000)))
}

/** What became of the calls of one target. */
export class TargetOutcomes {
  readonly #counts = new DecayedCounts(OUTCOME_KINDS.length)
  readonly #all: AllOutcomes
  #quality = NEUTRAL_QUALITY
  /** The minute for which it holds. */
  #of = NaN

  constructor(all: AllOutcomes) {
    this.#all = all
  }

  add(atMs: number, kind: OutcomeKind, count: number): void {
    this.#counts.add(atMs, KIND[kind], count)
    this.#of = NaN
  }

  /** Asked for each bid of an auction: worked out once a minute, and when something became of a call. */
  quality(nowMs: number): QualityThousandths {
    const minute = Math.floor(nowMs / AVERAGE_MS)
    if (minute !== this.#of) {
      this.#quality = this.#work(nowMs)
      this.#of = minute
    }
    return this.#quality
  }

  #work(nowMs: number): QualityThousandths {
    const counts = this.#counts.read(nowMs)
    if (counts[KIND.attempted]! < FEWEST_ATTEMPTS) return NEUTRAL_QUALITY
    const average = this.#all.rates(nowMs)
    const own = ratesOf(counts, average, PRIOR_STRENGTH)
    return toQuality(
      (own.answered / average.answered) *
        (own.converted / average.converted) *
        (own.long / average.long) *
        (own.content / average.content),
    )
  }

  /** Of a call it is rung for, the chance that it is billed: a Beta distribution's mean and variance. */
  success(nowMs: number): Success {
    const counts = this.#counts.read(nowMs)
    return successOf(counts[KIND.attempted]!, counts[KIND.billed]! + counts[KIND.converted]!, this.#all.guess(nowMs))
  }

  /** How long a billed call of its lasts, whole seconds: its own as they fade, and all targets' mean for ten calls more. */
  talkSeconds(nowMs: number): number {
    const counts = this.#counts.read(nowMs)
    const prior = this.#all.talkSeconds(nowMs) * TALK_STRENGTH
    return Math.floor((counts[KIND.talked]! + prior) / (counts[KIND.billed]! + TALK_STRENGTH))
  }

  describe(nowMs: number): TargetQuality {
    const counts = this.#counts.read(nowMs)
    const attempts = counts[KIND.attempted]!
    const answered = counts[KIND.answered]!
    const sold = counts[KIND.billed]! + counts[KIND.converted]!
    return {
      thousandths: this.quality(nowMs),
      isMeasured: attempts >= FEWEST_ATTEMPTS,
      attempts,
      answerRate: ratio(answered, attempts),
      conversionRate: ratio(sold, answered),
      shortRate: ratio(counts[KIND.short]!, answered),
      complaintRate: ratio(counts[KIND.complained]!, sold),
    }
  }
}

/** What a billed call lasts, until the exchange has seen a hundred: three minutes. */
export const FIRST_TALK_SECONDS = 180
/** So many calls as all targets have stand for a target whose own have not been seen. */
const TALK_STRENGTH = 10

/** No rate is nought: what has never happened yet may. */
const LEAST_RATE = 0.001

/** What an auction asks of them, and what adds to them. */
export type Outcomes = Pick<TargetOutcomes, 'add' | 'quality' | 'success' | 'talkSeconds' | 'describe'>

/** A target as the book has it, as far as it is measured. */
interface Measured {
  outcomes: Outcomes | null
}

/** What became of the calls of all targets: what each is held against. */
export class AllOutcomes {
  readonly #counts = new DecayedCounts(OUTCOME_KINDS.length)
  readonly #measured: LastUsed<Measured, Measured>
  #rates = NO_RATES
  #guess = FIRST_GUESS
  #talkSeconds = FIRST_TALK_SECONDS
  #of = NaN

  constructor(mostTargets = MOST_TARGETS) {
    this.#measured = new LastUsed(mostTargets, (oldest) => {
      oldest.outcomes = null
    })
  }

  get size(): number {
    return this.#measured.size
  }

  add(target: Measured, atMs: number, kind: OutcomeKind, count: number): void {
    const outcomes = (target.outcomes ??= new TargetOutcomes(this))
    outcomes.add(atMs, kind, count)
    this.#counts.add(atMs, KIND[kind], count)
    this.#measured.use(target, () => target)
  }

  rates(nowMs: number): Rates {
    this.#work(nowMs)
    return this.#rates
  }

  /** What a call comes to with a target nobody knows: how many of all targets' attempts were billed. */
  guess(nowMs: number): number {
    this.#work(nowMs)
    return this.#guess
  }

  /** How long a billed call of any target lasts, whole seconds. */
  talkSeconds(nowMs: number): number {
    this.#work(nowMs)
    return this.#talkSeconds
  }

  /** The same for a target that was never rung. */
  unknownSuccess(nowMs: number): Success {
    return successOf(0, 0, this.guess(nowMs))
  }

  #work(nowMs: number): void {
    const minute = Math.floor(nowMs / AVERAGE_MS)
    if (minute === this.#of) return
    this.#of = minute
    const counts = this.#counts.read(nowMs)
    this.#rates = ratesOf(counts, NO_RATES, 0)
    const attempts = counts[KIND.attempted]!
    const billed = counts[KIND.billed]!
    const sold = billed + counts[KIND.converted]!
    this.#talkSeconds = billed < FEWEST_GUESSED_BY ? FIRST_TALK_SECONDS : Math.floor(counts[KIND.talked]! / billed)
    this.#guess = attempts < FEWEST_GUESSED_BY ? FIRST_GUESS : Math.min(1, (sold + 1) / (attempts + 2))
  }
}

/** Each rate as the mean of its Beta distribution, whose prior is the average with so many calls' strength; never nought. */
function ratesOf(counts: Float64Array, prior: Rates, strength: number): Rates {
  const answered = counts[KIND.answered]!
  const sold = Math.min(answered, counts[KIND.billed]! + counts[KIND.converted]!)
  return {
    answered: smoothed(answered, counts[KIND.attempted]!, prior.answered, strength),
    converted: smoothed(sold, answered, prior.converted, strength),
    long: smoothed(answered - counts[KIND.short]!, answered, prior.long, strength),
    content: smoothed(sold - counts[KIND.complained]!, sold, prior.content, strength),
  }
}

function smoothed(hits: number, of: number, prior: number, strength: number): number {
  if (of + strength === 0) return prior
  return Math.max(LEAST_RATE, (Math.max(0, Math.min(hits, of)) + prior * strength) / (of + strength))
}

function successOf(attempts: number, sold: number, guess: number): Success {
  const mean = smoothed(sold, attempts, guess, GUESS_STRENGTH)
  return { mean, variance: (mean * (1 - mean)) / (attempts + GUESS_STRENGTH + 1) }
}

function ratio(part: number, whole: number): number | null {
  return whole === 0 ? null : Math.min(1, part / whole)
}
