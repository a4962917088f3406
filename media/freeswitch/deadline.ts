import { MediaUnavailable } from '../media-server.ts'

/**
 * The promise's own end, or MediaUnavailable after `ms`: fsmrf leaves a promise for ever unsettled where FreeSWITCH does not answer.
 * What it settles to afterwards is handed to `late`, who has to clean up after it.
 */
export async function within<T>(what: string, ms: number, promise: Promise<T>, late?: (value: T) => void): Promise<T> {
  const { promise: tooLate, reject } = Promise.withResolvers<never>()
  let isOver = false
  const timer = setTimeout(() => {
    isOver = true
    reject(new MediaUnavailable(`FreeSWITCH did not ${what} within ${ms} ms`))
  }, ms)
  promise.then(
    (value) => {
      if (isOver) late?.(value)
    },
    () => undefined, // The race has it, or nobody waits any more.
  )
  try {
    return await Promise.race([promise, tooLate])
  } finally {
    clearTimeout(timer)
  }
}
