import { ring, type RingOptions, type RingResult } from '../buyer-leg.ts'
import { reasonHeader } from '../headers/reason-header.ts'
import type { Signaling } from '../srf.ts'
import type { Way } from './ways.ts'

/** What says that a connection is gone and not that the phone refuses (RFC 5626 §5.3, RFC 3261 §16.9). */
export const FLOW_FAILED = new Set([430, 503])

/** What a phone hears that rang in vain because another was faster (RFC 3326 §2): no missed call. */
const ANSWERED = reasonHeader(200, 'Call completed elsewhere')

/**
 * Rings everywhere an address of record is registered (RFC 3261 §16.6 to §16.7): each group in turn, all of a group at once,
 * within one ring timeout. The first answer wins and the others are cancelled; a 6xx from anyone ends it.
 */
export async function ringWays(
  signaling: Signaling,
  groups: readonly (readonly Way[])[],
  options: RingOptions,
): Promise<RingResult> {
  const endMs = performance.now() + options.ringTimeoutMs
  const onSent = once(options.onSent)
  let best: RingResult = { kind: 'no-answer' }
  for (const group of groups) {
    const ringTimeoutMs = endMs - performance.now()
    if (ringTimeoutMs <= 0) break
    const result = await ringTogether(signaling, group, { ...options, ringTimeoutMs, onSent })
    if (result.kind !== 'rejected' || result.status >= 600) return result
    best = better(best, result)
  }
  return best
}

async function ringTogether(signaling: Signaling, group: readonly Way[], options: RingOptions): Promise<RingResult> {
  const others = new AbortController()
  const gone = AbortSignal.any([options.gone, others.signal])
  const alone = group.length === 1 ? options : withoutEarlyMedia(options)
  let elsewhere: string | null = null
  const goneReason = (): string | null => (options.gone.aborted ? options.goneReason() : elsewhere)
  const results = await Promise.all(
    group.map(async (way) => {
      const result = await ringWay(signaling, way, { ...alone, gone, goneReason })
      if (result.kind === 'answered' && others.signal.aborted) {
        void result.leg.hangUp() // Two answered in the same instant.
        return null
      }
      if (result.kind === 'answered' || (result.kind === 'rejected' && result.status >= 600)) {
        elsewhere ??= result.kind === 'answered' ? ANSWERED : reasonHeader(result.status, 'Declined elsewhere')
        others.abort()
      }
      return result.kind === 'caller-gone' && !options.gone.aborted ? null : result
    }),
  )
  return results.filter((result) => result !== null).reduce(better)
}

/** The early media of several phones cannot all be heard. */
function withoutEarlyMedia(options: RingOptions): RingOptions {
  return {
    ...options,
    onProgress: (status) => options.onProgress(status, null),
    onEarlyOffer: () => Promise.reject(new Error('several phones ring')),
  }
}

async function ringWay(signaling: Signaling, way: Way, options: RingOptions): Promise<RingResult> {
  const startMs = performance.now()
  const { uri, proxy, headers } = way
  const all = { ...options.headers, ...headers }
  const result = await ring(signaling, { ...options, uri, headers: all, ...(proxy && { proxy }) })
  const ringTimeoutMs = options.ringTimeoutMs - (performance.now() - startMs)
  const isFlowGone = result.kind === 'rejected' && FLOW_FAILED.has(result.status)
  if (!isFlowGone || !way.fallback || ringTimeoutMs <= 0) return result
  return ringWay(signaling, way.fallback, { ...options, ringTimeoutMs })
}

/** Which of two outcomes the caller should hear of: an answer, then 6xx, then the lowest class, then silence (§16.7 item 6). */
function better(a: RingResult, b: RingResult): RingResult {
  return rankOf(b) < rankOf(a) ? b : a
}

function rankOf(result: RingResult): number {
  if (result.kind === 'answered') return 0
  if (result.kind === 'caller-gone') return 1
  if (result.kind === 'no-answer') return 1000
  return result.status >= 600 ? 2 : result.status
}

function once(onSent: RingOptions['onSent']): RingOptions['onSent'] {
  let isSent = false
  return (sipCallId) => {
    if (isSent) return
    isSent = true
    onSent(sipCallId)
  }
}
