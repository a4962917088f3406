import { Distinct } from './distinct.ts'
import { Pace, PACE_MEASURES } from './pace.ts'
import { RATE_MEASURES, Rates } from './rates.ts'
import { Shares, SHARES } from './shares.ts'
import { SlotTable } from './slot-table.ts'

/** What is measured of every subject, in the order it is written. `distinct` and `others` are of what the subject was made with. */
export const SUBJECT_MEASURES = [
  ...RATE_MEASURES,
  'distinct',
  'others',
  'distinctShare',
  ...PACE_MEASURES,
  ...SHARES.map(({ name }) => name),
  'ended',
  'billed',
] as const

const DISTINCT = 4
const PACE = 7
const SHARE = PACE + PACE_MEASURES.length

export interface SubjectOptions {
  /** The most that are watched at a time; past them whoever has had no call for longest. */
  readonly most: number
  /** Registers of each sketch of different keys. */
  readonly registers: number
  /** Different keys are those of the last one to two of it. */
  readonly halfMs: number
  /** After which a call counts for half as much in shares. */
  readonly halfLifeMs: number
}

/**
 * One kind of thing that calls have in common (their caller, its block of numbers, the number called, its seller, the trunk, the target), and
 * what its calls are like. All of it lies in typed arrays: no call makes an object.
 */
export class Subject {
  readonly #table: SlotTable
  readonly #rates: Rates
  readonly #distinct: Distinct
  readonly #others: Distinct
  readonly #pace: Pace
  readonly #shares: Shares

  constructor({ most, registers, halfMs, halfLifeMs }: SubjectOptions) {
    this.#table = new SlotTable(most)
    const slots = this.#table.capacity
    this.#rates = new Rates(slots)
    this.#distinct = new Distinct({ slots, registers, halfMs })
    this.#others = new Distinct({ slots, registers, halfMs })
    this.#pace = new Pace(slots)
    this.#shares = new Shares(slots, halfLifeMs)
  }

  get size(): number {
    return this.#table.size
  }

  /** Whether the call that `arrived` last was the first of its key: what others keep of its slot is not of it. */
  get isNew(): boolean {
    return this.#table.isNew
  }

  /** Slots are below it. */
  get capacity(): number {
    return this.#table.capacity
  }

  /** When the key's last call came; 0: none is known. */
  lastAtMs(key: number): number {
    const slot = this.#table.find(key)
    return slot < 0 ? 0 : this.#pace.lastAtMs(slot)
  }

  find(key: number): number {
    return this.#table.find(key)
  }

  /** A call of the key came, in which it met `met` and `other` (0: nobody): its slot, which holds until the next call. */
  arrived(key: number, met: number, other: number, marks: number, atMs: number): number {
    const slot = this.#table.take(key, atMs)
    if (this.#table.isNew) this.#clear(slot)
    this.#rates.add(slot, atMs)
    if (met !== 0) this.#distinct.add(slot, met, atMs)
    if (other !== 0) this.#others.add(slot, other, atMs)
    this.#pace.arrived(slot, atMs)
    this.#shares.arrived(slot, marks, atMs)
    return slot
  }

  /** A call of the key is over; nothing happens when the key has lost its place. */
  ended(key: number, marks: number, durationMs: number, pddMs: number | null, atMs: number): void {
    const slot = this.#table.find(key)
    if (slot < 0) return
    this.#pace.ended(slot, durationMs, pddMs)
    this.#shares.ended(slot, marks, atMs)
  }

  /** A call of the key was forgotten before it ended. */
  forgotten(key: number): void {
    const slot = this.#table.find(key)
    if (slot >= 0) this.#pace.ended(slot, 0, null)
  }

  /** Writes `SUBJECT_MEASURES`. */
  write(slot: number, atMs: number, to: Float64Array, from: number): void {
    this.#rates.write(slot, atMs, to, from)
    const distinct = this.#distinct.count(slot, atMs)
    const added = this.#distinct.added(slot)
    to[from + DISTINCT] = distinct
    to[from + DISTINCT + 1] = this.#others.count(slot, atMs)
    to[from + DISTINCT + 2] = added === 0 ? 1 : Math.min(1, distinct / added)
    this.#pace.write(slot, to, from + PACE)
    this.#shares.write(slot, atMs, to, from + SHARE)
  }

  /** As of one nothing is known of. */
  static writeUsual(to: Float64Array, from: number): void {
    to.fill(0, from, from + DISTINCT + 2)
    to[from + DISTINCT + 2] = 1
    Pace.writeUsual(to, from + PACE)
    Shares.writeUsual(to, from + SHARE)
  }

  #clear(slot: number): void {
    this.#rates.clear(slot)
    this.#distinct.clear(slot)
    this.#others.clear(slot)
    this.#pace.clear(slot)
    this.#shares.clear(slot)
  }
}
