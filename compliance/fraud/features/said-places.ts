import { ARRIVAL_MARKS } from './shares.ts'
import { SlotTable } from './slot-table.ts'

/** What is measured of the consumers that one seller says are in one state, in the order it is written. */
export const SAID_MEASURES = [
  /** Callers it said were there, of late: each counted with its first call. */
  'said.callers',
  /** The share of them whose number is of elsewhere. */
  'said.misplacedShare',
] as const

/** A caller counts for half as much after two hours. */
const HALF_LIFE_MS = 7_200_000
/** What is believed where nothing is known, and as how many callers. */
const USUAL = 0.05
const USUAL_WEIGHT = 2
const CALLERS = 0
const MISPLACED = 1
const FADED_AT = 2
const STRIDE = 3

/** Who says it, and of where. */
export interface SaidCall {
  readonly seller: number
  /** Two letters. */
  readonly state: string
  readonly marks: number
  /** It is known where the caller's number is of. */
  readonly isPlaced: boolean
  readonly atMs: number
}

/**
 * Where sellers say their consumers are, state by state. Consumers who moved are said to be everywhere; who launders calls says they are all
 * in the states that pay well, and most of that seller's callers of just those states have numbers of others.
 */
export class SaidPlaces {
  readonly #table: SlotTable
  readonly #rows: Float64Array

  constructor(most: number) {
    this.#table = new SlotTable(most)
    this.#rows = new Float64Array(this.#table.capacity * STRIDE)
  }

  get size(): number {
    return this.#table.size
  }

  /** Counts a call of a consumer that a seller says is in a state, and writes `SAID_MEASURES`. */
  arrived({ seller, state, marks, isPlaced, atMs }: SaidCall, to: Float64Array, from: number): void {
    const rows = this.#rows
    const slot = this.#table.take(keyOf(seller, state), atMs)
    const row = slot * STRIDE
    if (this.#table.isNew) rows.fill(0, row, row + STRIDE)
    const passed = atMs - rows[row + FADED_AT]!
    if (passed > 0) {
      const kept = 2 ** (-passed / HALF_LIFE_MS)
      rows[row + CALLERS]! *= kept
      rows[row + MISPLACED]! *= kept
      rows[row + FADED_AT] = atMs
    }
    // One consumer who moved and dials again and again is one.
    if (isPlaced && (marks & ARRIVAL_MARKS.repeat) === 0) {
      rows[row + CALLERS]!++
      if ((marks & ARRIVAL_MARKS.misplaced) !== 0) rows[row + MISPLACED]!++
    }
    to[from] = rows[row + CALLERS]!
    to[from + 1] = (rows[row + MISPLACED]! + USUAL * USUAL_WEIGHT) / (rows[row + CALLERS]! + USUAL_WEIGHT)
  }

  /** Of a call whose seller does not say where its consumer is. */
  static writeUsual(to: Float64Array, from: number): void {
    to[from] = 0
    to[from + 1] = USUAL
  }
}

/** A seller and a state as one whole number of 53 bits: 43 of the seller's, five of each letter. */
function keyOf(seller: number, state: string): number {
  return (seller % 2 ** 43) * 1024 + (state.charCodeAt(0) & 31) * 32 + (state.charCodeAt(1) & 31)
}
