import { isIP } from 'node:net'
import type { DetailedPeerCertificate, PeerCertificate, TLSSocket } from 'node:tls'
import type { SipMessage } from './message.ts'

/** Tells an application the names in the certificate of a client that has proved to be somebody. Only this server writes it. */
export const TLS_CLIENT_HEADER = 'X-DCE-TLS-Client'
const TLS_CLIENT_KEY = TLS_CLIENT_HEADER.toLowerCase()

/** Tells an application of which origin the page is that sent a request over WebSocket. Only this server writes it. */
export const ORIGIN_HEADER = 'X-DCE-Origin'
const ORIGIN_KEY = ORIGIN_HEADER.toLowerCase()

/** How a peer's certificate is compared with the name we called. */
export type TlsVerification =
  /** The whole name, as RFC 5922 §7.2 has it. */
  | 'strict'
  /** `*.example.com` also proves `sip.example.com`: against RFC 5922, and found with large carriers. */
  | 'wildcard'
  /** Not at all. */
  | 'off'

/**
 * Removes headers that only we may write, however they came: they are never believed from the network. Nor is any name with a `%`,
 * in which applications of drachtio-srf's would read `%58-DCE-Origin` as one of them.
 */
export function forgetForgery(message: SipMessage): void {
  for (const { key } of message.headers) {
    // Removing leaves the list that is being read as it is.
    if (key === TLS_CLIENT_KEY || key === ORIGIN_KEY || key.includes('%')) message.remove(key)
  }
}

/** The names in a client's certificate as the header's value, when the certificate verified; else null. */
export function clientIdentityOf(socket: TLSSocket): string | null {
  if (!socket.authorized) return null
  const certificate = socket.getPeerCertificate()
  const { dns, uris } = namesOf(certificate)
  const names = [...new Set([...dns, ...uris, ...commonNames(certificate)])]
  return names.length === 0 ? null : names.join(', ')
}

/** Whether a client's certificate proves it to be the host it calls itself in Via (RFC 5923 §8.1). */
export function provesHost(identity: string, host: string): boolean {
  const wanted = host.toLowerCase()
  return identity.split(', ').some((name) => name.toLowerCase() === wanted || name.toLowerCase() === `sip:${wanted}`)
}

/** Why this certificate does not prove its owner to be `domain`; undefined when it does (RFC 5922 §7.2). */
export function checkServerIdentity(
  domain: string,
  certificate: PeerCertificate,
  verification: TlsVerification,
): Error | undefined {
  if (verification === 'off') return undefined
  const wanted = domain.toLowerCase().replace(/^\[|\]$/g, '')
  const { dns, uris, addresses } = namesOf(certificate)
  if (isIP(wanted) !== 0) return addresses.includes(wanted) ? undefined : notProven(domain, addresses)
  const sipUris = uris.filter((uri) => /^sip:[^@;?]+$/i.test(uri)).map((uri) => uri.slice(4))
  // §7.1: SIP URIs count before DNS names, and the common name only where there is neither.
  const names = sipUris.length > 0 ? sipUris : dns.length > 0 ? dns : commonNames(certificate)
  const isProven = names.some((name) => {
    const known = name.toLowerCase()
    if (known === wanted) return true
    return verification === 'wildcard' && known.startsWith('*.') && wanted.slice(wanted.indexOf('.')) === known.slice(1)
  })
  return isProven ? undefined : notProven(domain, names)
}

function notProven(domain: string, names: readonly string[]): Error {
  return new Error(`the peer's certificate is for ${names.join(', ') || 'nobody'}, not for ${domain}`)
}

interface Names {
  readonly dns: string[]
  readonly uris: string[]
  readonly addresses: string[]
}

/** What a name may be made of: nothing that could end a header line or stand for two names. */
const PLAIN = /^[\w.:@*/+-]{1,255}$/

/** The alternative names of a certificate. Node quotes those with odd characters; these we do not take. */
function namesOf(certificate: PeerCertificate | DetailedPeerCertificate): Names {
  const names: Names = { dns: [], uris: [], addresses: [] }
  for (const entry of (certificate.subjectaltname ?? '').split(', ')) {
    const colon = entry.indexOf(':')
    const kind = entry.slice(0, colon)
    const value = entry.slice(colon + 1)
    if (!PLAIN.test(value)) continue
    if (kind === 'DNS') names.dns.push(value)
    else if (kind === 'URI') names.uris.push(value)
    else if (kind === 'IP Address') names.addresses.push(compress(value))
  }
  return names
}

function commonNames({ subject }: PeerCertificate): string[] {
  const names: string | string[] | undefined = subject?.CN
  return (Array.isArray(names) ? names : names === undefined ? [] : [names]).filter((name) => PLAIN.test(name))
}

/** OpenSSL writes IPv6 addresses in full; the URL parser knows the short form. */
function compress(address: string): string {
  return address.includes(':') ? new URL(`http://[${address}]`).hostname.slice(1, -1) : address.toLowerCase()
}
