import { Problem } from './problems.ts'

/** Runs so many tasks at a time; as many as may wait do so in their order, and more are refused with 503. */
export function createTurns(atOnce: number, mostWaiting: number): <T>(task: () => Promise<T>) => Promise<T> {
  let running = 0
  const waiting: (() => void)[] = []
  return async (task) => {
    if (running === atOnce) {
      if (waiting.length >= mostWaiting)
        throw new Problem('too_many_reports', 'Try again in a moment.', { headers: { 'retry-after': '5' } })
      await new Promise<void>((resolve) => void waiting.push(resolve)) // Whoever ends hands its place on.
    } else running++
    try {
      return await task()
    } finally {
      const next = waiting.shift()
      if (next) next()
      else running--
    }
  }
}
