import type { FreeSwitchLeg } from './leg.ts'

type Pair = readonly [FreeSwitchLeg, FreeSwitchLeg]

/**
 * Which two channels hear each other. One step at a time, since FreeSWITCH takes a second bridge while the first is being made for
 * another call's; what was asked for meanwhile is looked at when the step is done.
 */
export class Joint {
  #wanted: Pair | null = null
  #joined: Pair | null = null
  /** How many need their side to hear only them, and whether the two are to hear each other at all. */
  #alone = 0
  #isApart = false
  #work: Promise<void> = Promise.resolve()

  /** Resolves once both hear each other, or would if nobody kept them apart. */
  join(a: FreeSwitchLeg, b: FreeSwitchLeg): Promise<void> {
    this.#wanted = [a, b]
    return this.#settle()
  }

  /** Keeps the two apart while `work` goes on: what is played to one is heard by nobody else. */
  async alone<T>(work: () => Promise<T>): Promise<T> {
    this.#alone++
    try {
      await this.#settle()
      return await work()
    } finally {
      this.#alone--
      await this.#settle().catch(() => undefined) // A channel that is gone is told of by itself.
    }
  }

  /** Until it is off again neither hears the other, whatever is played meanwhile. */
  apart(on: boolean): Promise<void> {
    this.#isApart = on
    return this.#settle()
  }

  /** This channel ends: FreeSWITCH parks the other one. */
  left(leg: FreeSwitchLeg): void {
    if (this.#wanted?.includes(leg)) this.#wanted = null
    if (this.#joined?.includes(leg)) this.#joined = null
  }

  #settle(): Promise<void> {
    this.#work = this.#work.catch(() => undefined).then(() => this.#step())
    return this.#work
  }

  async #step(): Promise<void> {
    const wanted = this.#alone > 0 || this.#isApart ? null : this.#wanted
    const joined = this.#joined
    if (wanted?.[0] === joined?.[0] && wanted?.[1] === joined?.[1]) return
    if (joined !== null) {
      this.#joined = null
      await joined[0].unbridge()
    }
    if (wanted === null) return
    await wanted[0].bridge(wanted[1])
    this.#joined = wanted
  }
}
