import ipaddr from 'ipaddr.js'
import type { SipBinding } from '../../model/sip-user.ts'
import { uriOf } from '../headers/sip-fields.ts'
import { parseUri } from '../sip-server/uri.ts'

/** How to send a request to one contact. */
export interface Way {
  readonly uri: string
  /** The next hop, when it is not where the URI says. */
  readonly proxy?: string
  /** Route, when proxies lie in between. */
  readonly headers?: Readonly<Record<string, string>>
  /** Another way to the same device, for when this one's connection is gone. */
  readonly fallback?: Way
}

const PRIVATE_RANGES = new Set(['private', 'carrierGradeNat', 'uniqueLocal', 'linkLocal', 'loopback'])

/**
 * The way to a registered contact: through the proxies that said they are on it (RFC 3327 §5.4), else over the connection it
 * registered by (RFC 5626 §5.3), else, behind a NAT, to where its REGISTER came from, else to where its URI says.
 */
export function wayTo(binding: SipBinding): Way {
  const { contact, path, source, regId } = binding
  const [first] = path
  if (first !== undefined) return { uri: contact, proxy: uriOf(first), headers: { Route: path.join(', ') } }
  const host = source.host.includes(':') ? `[${source.host.replaceAll(/[[\]]/g, '')}]` : source.host
  const proxy = `sip:${host}:${source.port};transport=${source.transport}`
  // No address leads to a browser: the SIP server knows its connection by the Contact (RFC 7118 §5).
  if (source.transport === 'ws' || source.transport === 'wss') return { uri: contact }
  if (source.transport === 'udp') return isReachable(contact, source) ? { uri: contact } : { uri: contact, proxy }
  // A flow cannot be replaced; any other phone on TCP may listen where its Contact says.
  const isElsewhere = regId === null && isReachable(contact, source)
  return { uri: contact, proxy, ...(isElsewhere && { fallback: { uri: contact } }) }
}

/** Whether the Contact can be believed: a name in DNS, an address of the public internet, or of the sender's own network. */
function isReachable(contact: string, source: SipBinding['source']): boolean {
  const uri = parseUri(contact)
  if (uri === null) return false
  const host = uri.host.replaceAll(/[[\]]/g, '').toLowerCase()
  if (!ipaddr.isValid(host)) return !host.endsWith('.invalid')
  const [theirs, seen] = [ipaddr.process(host), ipaddr.process(source.host.replaceAll(/[[\]]/g, ''))]
  return theirs.toString() === seen.toString() || !PRIVATE_RANGES.has(theirs.range()) || theirs.range() === seen.range()
}
