import type { Logger } from '../../config/logger.ts'

const HOUR_MS = 3_600_000

/**
 * Does each errand now and every hour, one after another, never twice at a time. One that fails is said, and is tried again in an
 * hour. What it answers with ends it, once the errand under way is over.
 */
export function hourly(
  log: Pick<Logger, 'warn'>,
  errands: Readonly<Record<string, () => Promise<void>>>,
  everyMs = HOUR_MS,
): () => Promise<void> {
  let running: Promise<void> | null = null
  let isOver = false
  const run = async (): Promise<void> => {
    for (const [errand, go] of Object.entries(errands)) {
      if (isOver) return
      await go().catch((error: Error) => log.warn({ errand, reason: error.message }, 'an errand failed'))
    }
  }
  const round = (): void => {
    running ??= run().finally(() => (running = null))
  }
  round()
  const timer = setInterval(round, everyMs)
  return async () => {
    isOver = true
    clearInterval(timer)
    await running
  }
}
