import { newId, type TrunkId } from '../model/ids.ts'
import type { RecordWriter } from './needs.ts'

interface Tally {
  readonly trunkId: TrunkId
  readonly reason: string
  readonly second: number
  count: number
}

/** Refusals under overload, counted by trunk, reason and second: a flood must not become a flood of records. */
export class RefusalCounter {
  readonly #writer: RecordWriter
  #tallies = new Map<string, Tally>()
  readonly #timer: NodeJS.Timeout

  constructor(writer: RecordWriter) {
    this.#writer = writer
    this.#timer = setInterval(() => this.flush(), 1000)
    this.#timer.unref()
  }

  count(trunkId: TrunkId, reason: string, nowMs: number): void {
    const second = Math.floor(nowMs / 1000)
    const key = `${trunkId} ${reason} ${second}`
    const tally = this.#tallies.get(key)
    if (tally) tally.count++
    else this.#tallies.set(key, { trunkId, reason, second, count: 1 })
  }

  flush(): void {
    const tallies = this.#tallies
    this.#tallies = new Map()
    for (const { trunkId, reason, second, count } of tallies.values()) {
      // Refused by the very writer that is overloaded: then only the metric knows.
      void this.#writer
        .write({ kind: 'refused-many', id: newId(), trunkId, second: new Date(second * 1000), count, reason })
        .catch(() => {})
    }
  }

  close(): void {
    clearInterval(this.#timer)
    this.flush()
  }
}
