/** What phones and PBXs serve themselves (RFC 3856, RFC 4235, RFC 3842): only of these a SUBSCRIBE is passed on. */
const PASSED = new Set(['dialog', 'message-summary', 'presence'])

/** What phones send to keep their way through a NAT open: no package, and nobody subscribes to it. */
export const KEEP_ALIVE = 'keep-alive'

/** The header of a 489 (RFC 6665 §8.2.2), and of what we say of ourselves. */
export const ALLOW_EVENTS = { 'Allow-Events': [...PASSED].join(', ') } as const

/** The event package of an Event header; null when it is missing or cannot be read. */
export function packageOf(event: string | undefined): string | null {
  return /^\s*([\w.!%*+`'~-]+)\s*(?:;|$)/.exec(event ?? '')?.[1]?.toLowerCase() ?? null
}

export function isPassed(eventPackage: string | null): boolean {
  return eventPackage !== null && PASSED.has(eventPackage)
}

/** Whether a NOTIFY says that its subscription is over (RFC 6665 §4.1.3). */
export function isTerminated(subscriptionState: string | undefined): boolean {
  return /^\s*terminated\s*(?:;|$)/i.test(subscriptionState ?? '')
}
