import { parseUri } from '../sip-server/uri.ts'

/** Where SIP is listened for unless somebody says otherwise, over TLS too (RFC 3261 §19.1.2). */
const USUAL_PORTS = new Set([null, 5060, 5061])

/**
 * The place a SIP URI leads to, so that two that lead to the same door are equal however they write its port and transport; null for
 * what is no SIP URI. Names are not looked up: another name of the same place is another door.
 */
export function frontDoorOf(uri: string): string | null {
  const parsed = parseUri(uri)
  if (parsed === null || parsed.scheme === 'tel') return null
  const host = (parsed.params.get('maddr') ?? parsed.host).toLowerCase().replace(/\.$/, '')
  const { port } = parsed
  return USUAL_PORTS.has(port) ? host : `${host}:${port}`
}
