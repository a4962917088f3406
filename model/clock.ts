/** Time, passed in: `systemClock` is the only place in the product that reads the real clocks. */
export interface Clock {
  /** Wall time: milliseconds since the Unix epoch, UTC. What people and records see. */
  now(): number
  /** A clock that never steps: milliseconds from an arbitrary start. What durations are measured with. */
  monotonicMs(): number
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
}
