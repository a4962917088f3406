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
