import type { MediaCapability, OfferedSecurity } from '../media/media-server.ts'
import { parseUri } from './sip-server/uri.ts'

/**
 * How a target is offered its audio, from what its URI says of the signalling, which would carry the keys (RFC 4568 §7): `sips:` must
 * have them; over TLS they are an invitation (RFC 8643), since many trunks have TLS and plain RTP; nobody else is sent keys in clear.
 */
export function offeredSecurity(uri: string, capabilities: ReadonlySet<MediaCapability>): OfferedSecurity {
  if (!capabilities.has('sdes')) return 'none'
  const parsed = parseUri(uri)
  if (parsed?.scheme === 'sips') return 'sdes'
  return /;transport=tls(?:;|$)/i.test(uri) ? 'if-it-can' : 'none'
}
