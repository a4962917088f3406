import type { Schedule } from '../../gateway/start/schedule.ts'

/** A schedule whose time moves when the test says so. */
export class ManualSchedule implements Schedule {
  nowMs = 0
  readonly #due = new Set<{ readonly atMs: number; readonly run: () => void }>()

  get pending(): number {
    return this.#due.size
  }

  now(): number {
    return this.nowMs
  }

  after(waitMs: number, run: () => void): () => void {
    const entry = { atMs: this.nowMs + waitMs, run }
    this.#due.add(entry)
    return () => void this.#due.delete(entry)
  }

  /** Moves on, and lets promises settle after each thing that was due. */
  async advance(ms: number): Promise<void> {
    const endMs = this.nowMs + ms
    for (;;) {
      const next = [...this.#due].filter(({ atMs }) => atMs <= endMs).toSorted((a, b) => a.atMs - b.atMs)[0]
      if (!next) break
      this.#due.delete(next)
      this.nowMs = next.atMs
      next.run()
      await settled()
    }
    this.nowMs = endMs
    await settled()
  }
}

function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
