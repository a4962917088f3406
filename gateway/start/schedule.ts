/** Waiting, passed in: a test moves its own time. */
export interface Schedule {
  /** Calls `run` once after `waitMs`; the answer takes that back. */
  after(waitMs: number, run: () => void): () => void
}

/** The real one; it keeps no process alive. */
export const systemSchedule: Schedule = {
  after(waitMs, run) {
    const timer = setTimeout(run, waitMs).unref()
    return () => clearTimeout(timer)
  },
}
