import { BrowserGuard, type GuardPort } from './browser-guard.ts'
import type { LegGuard } from './leg-guard.ts'
import type { LegSecurity } from './relay-messages.ts'
import { Srtp } from './srtp.ts'

/** The guard for what is agreed now. What `former` knows of a key that goes on (its rollover counter, what it has seen) is kept. */
export function secure(
  security: LegSecurity | null,
  former: LegGuard | null,
  port: GuardPort,
): Srtp | BrowserGuard | null {
  if (former instanceof BrowserGuard && security?.kind === 'dtls') {
    former.renew(security)
    return former
  }
  if (former instanceof BrowserGuard) former.close()
  if (security === null) return null
  if (security.kind === 'dtls') return new BrowserGuard(security, port)
  return new Srtp(security.keys, former instanceof Srtp ? former : null)
}
