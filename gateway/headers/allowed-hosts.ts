import { parseUri, type Uri } from '../sip-server/uri.ts'

/** A URI a request of ours may be sent to because somebody else said so; null: not readable, or not to be trusted. */
export function readForeignUri(text: string): Uri | null {
  const uri = parseUri(text)
  if (uri === null || uri.scheme === 'tel') return null
  // `maddr` sends the request elsewhere than the host says, and what follows `?` would be headers of ours (RFC 3261 §19.1.1, §19.1.5).
  if (uri.params.has('maddr') || uri.headers.length > 0) return null
  return uri
}

/** Whether a host is one of these, or lies within one of them as a domain: `sip.example.com` within `example.com`. */
export function isAmong(host: string, hosts: readonly string[]): boolean {
  const wanted = host.toLowerCase()
  return hosts.some((one) => {
    const allowed = one.toLowerCase()
    return wanted === allowed || (wanted.endsWith(`.${allowed}`) && !isNumeric(allowed))
  })
}

/** Whether a request to this URI goes to one of these hosts: with `maddr` it would go wherever that says, and only seem to (RFC 3261 §19.1.1). */
export function leadsToOneOf(text: string, hosts: readonly string[]): boolean {
  if (hosts.length === 0) return false
  const uri = readForeignUri(text)
  return uri !== null && isAmong(uri.host, hosts)
}

/** `1.2.3.4` has no subdomains. */
function isNumeric(host: string): boolean {
  return /^[\d.]+$/.test(host) || host.startsWith('[')
}
