import type { LegSecurity } from './relay-messages.ts'
import { Srtp } from './srtp.ts'

/**
 * What stands between a secured leg's sockets and the packets it relays; a plain leg has none, and pays nothing. Each gives null for a
 * packet that must not pass.
 */
export interface LegGuard {
  unprotect(packet: Buffer): Buffer | null
  unprotectRtcp(packet: Buffer): Buffer | null
  protect(packet: Buffer): Buffer | null
  protectRtcp(packet: Buffer): Buffer | null
}

/** The guard for what is agreed now. What `former` knows of a key that goes on (its rollover counter, what it has seen) is kept. */
export function secure(security: LegSecurity | null, former: LegGuard | null): LegGuard | null {
  return security === null ? null : new Srtp(security.keys, former instanceof Srtp ? former : null)
}
