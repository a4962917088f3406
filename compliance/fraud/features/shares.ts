/** What may be said of an arriving call, each a bit of its marks; of a subject's calls it is a share of those that arrived. */
export const ARRIVAL_MARKS = {
  /** Attested C, or not at all. */
  weak: 1,
  /** The seller says its consumer is elsewhere than the number. */
  misplaced: 2,
  /** Caller and called number are of one exchange. */
  neighbour: 4,
  /** The caller has called before. */
  repeat: 8,
  /** A caller with a number one or two away has called within the hour. */
  sequential: 16,
  withheld: 32,
} as const

/** What may be said of an ended one: the first two are shares of those that ended, the others of those that were answered. */
export const END_MARKS = {
  answered: 64,
  oneRing: 128,
  billed: 256,
  hugging: 512,
  veryShort: 1024,
  callerHungUp: 2048,
  faulty: 4096,
} as const

/** In the order they are written; `usual` is what is believed of whoever has had no calls yet. */
export const SHARES = [
  { name: 'weakShare', of: 'arrived', usual: 0.3 },
  { name: 'misplacedShare', of: 'arrived', usual: 0.05 },
  { name: 'neighbourShare', of: 'arrived', usual: 0.01 },
  { name: 'repeatShare', of: 'arrived', usual: 0.1 },
  { name: 'sequentialShare', of: 'arrived', usual: 0.01 },
  { name: 'withheldShare', of: 'arrived', usual: 0.03 },
  { name: 'answeredShare', of: 'ended', usual: 0.6 },
  { name: 'oneRingShare', of: 'ended', usual: 0.05 },
  { name: 'billedShare', of: 'answered', usual: 0.5 },
  { name: 'huggingShare', of: 'answered', usual: 0.03 },
  { name: 'veryShortShare', of: 'answered', usual: 0.05 },
  { name: 'callerHungUpShare', of: 'answered', usual: 0.5 },
  { name: 'faultyShare', of: 'answered', usual: 0.01 },
] as const

/** What is believed weighs as much as so many calls. */
const USUAL_WEIGHT = 2
/** A sum of each share, then of all that arrived, that ended and that were answered. */
const ARRIVED = SHARES.length
const ENDED = ARRIVED + 1
const ANSWERED = ARRIVED + 2
const STRIDE = ARRIVED + 3
const BILLED = Math.log2(END_MARKS.billed)
const ARRIVAL_COUNT = Object.keys(ARRIVAL_MARKS).length
const OF = Uint8Array.from(SHARES, ({ of }) => (of === 'arrived' ? ARRIVED : of === 'ended' ? ENDED : ANSWERED))
const USUAL = Float64Array.from(SHARES, ({ usual }) => usual)

/** What part of a subject's calls are so and so, each call counting for half as much after every half-life. */
export class Shares {
  readonly #halfLifeMs: number
  readonly #sums: Float64Array
  readonly #fadedAtMs: Float64Array

  constructor(slots: number, halfLifeMs: number) {
    this.#halfLifeMs = halfLifeMs
    this.#sums = new Float64Array(slots * STRIDE)
    this.#fadedAtMs = new Float64Array(slots)
  }

  clear(slot: number): void {
    this.#sums.fill(0, slot * STRIDE, (slot + 1) * STRIDE)
    this.#fadedAtMs[slot] = 0
  }

  arrived(slot: number, marks: number, atMs: number): void {
    this.#fade(slot, atMs)
    this.#sums[slot * STRIDE + ARRIVED]!++
    this.#add(slot, marks, 0, ARRIVAL_COUNT)
  }

  ended(slot: number, marks: number, atMs: number): void {
    this.#fade(slot, atMs)
    this.#sums[slot * STRIDE + ENDED]!++
    if ((marks & END_MARKS.answered) !== 0) this.#sums[slot * STRIDE + ANSWERED]!++
    this.#add(slot, marks, ARRIVAL_COUNT, SHARES.length)
  }

  /** Every share, in their order, and then how many ended and how many were billed, faded. */
  write(slot: number, atMs: number, to: Float64Array, from: number): void {
    this.#fade(slot, atMs)
    const first = slot * STRIDE
    for (let i = 0; i < SHARES.length; i++) {
      const all = this.#sums[first + OF[i]!]!
      to[from + i] = (this.#sums[first + i]! + USUAL[i]! * USUAL_WEIGHT) / (all + USUAL_WEIGHT)
    }
    to[from + SHARES.length] = this.#sums[first + ENDED]!
    to[from + SHARES.length + 1] = this.#sums[first + BILLED]!
  }

  /** As of a subject nothing is known of. */
  static writeUsual(to: Float64Array, from: number): void {
    for (let i = 0; i < SHARES.length; i++) to[from + i] = USUAL[i]!
    to[from + SHARES.length] = 0
    to[from + SHARES.length + 1] = 0
  }

  #add(slot: number, marks: number, from: number, until: number): void {
    for (let i = from; i < until; i++) this.#sums[slot * STRIDE + i]! += (marks >>> i) & 1
  }

  #fade(slot: number, atMs: number): void {
    const passed = atMs - this.#fadedAtMs[slot]!
    if (passed <= 0) return
    const isFirst = this.#fadedAtMs[slot] === 0
    this.#fadedAtMs[slot] = atMs
    // Nothing has been counted yet.
    if (isFirst) return
    const kept = 2 ** (-passed / this.#halfLifeMs)
    for (let at = slot * STRIDE; at < (slot + 1) * STRIDE; at++) this.#sums[at]! *= kept
  }
}
