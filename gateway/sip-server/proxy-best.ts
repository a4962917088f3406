import type { SipMessage } from './message.ts'

/** Answers of the 4xx class that help the caller to try again (RFC 3261 §16.7 step 6). */
const HELPFUL = new Set([401, 407, 415, 420, 484])

/**
 * The best of the final responses that came (§16.7 step 6): any 6xx; else the lowest class, within 4xx one that tells what to do
 * better; a 503 only where there is nothing else. Null when there is none.
 */
export function chooseBest(responses: readonly SipMessage[]): SipMessage | null {
  let best: SipMessage | null = null
  for (const response of responses) if (best === null || rank(response.status) < rank(best.status)) best = response
  return best
}

function rank(status: number): number {
  if (status >= 600) return 0
  if (status === 503) return 9
  if (status === 408) return 4.9
  return Math.floor(status / 100) - (HELPFUL.has(status) ? 0.5 : 0)
}

/** Puts the challenges of all 401 and 407 responses into the one that is passed on (§16.7 step 7). */
export function gatherChallenges(best: SipMessage, responses: readonly SipMessage[]): void {
  if (best.status !== 401 && best.status !== 407) return
  for (const response of responses) {
    if (response === best || (response.status !== 401 && response.status !== 407)) continue
    for (const { key, name, value } of response.headers)
      if (key === 'www-authenticate' || key === 'proxy-authenticate') best.add(name, value)
  }
}
