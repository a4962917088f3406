import type { MediaCapability, OfferedSecurity } from '../../media/media-server.ts'
import type { Invitation } from './invitation.ts'
import { parseUri } from '../sip-server/uri.ts'

/**
 * How a target is offered its audio, from what its URI says of the signalling, which would carry the keys (RFC 4568 §7): `sips:` must
 * have them; over TLS they are an invitation (RFC 8643), since many trunks have TLS and plain RTP, and to one that refuses that with 488 they
 * are a condition; nobody else is sent keys in clear.
 * Who is registered over WebSocket only is a browser (RFC 7118, RFC 8834).
 */
export function offeredSecurity(
  { uri, ways, mustHaveKeys }: Pick<Invitation, 'uri' | 'ways' | 'mustHaveKeys'>,
  capabilities: ReadonlySet<MediaCapability>,
): OfferedSecurity {
  const uris = ways?.flat().map((way) => way.uri) ?? [uri]
  if (capabilities.has('webrtc') && uris.every((one) => /;transport=wss?(?:;|$)/i.test(one))) return 'webrtc'
  if (!capabilities.has('sdes')) return 'none'
  if (mustHaveKeys || uris.every((one) => parseUri(one)?.scheme === 'sips')) return 'sdes'
  return uris.every((one) => /;transport=tls(?:;|$)/i.test(one)) ? 'if-it-can' : 'none'
}
