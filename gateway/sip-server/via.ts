import type { TopVia } from './message.ts'
import { CHAR, detach, equalsIgnoreCase, isToken, parseDigits, skipSpace } from './characters.ts'
import { paramValue, readParam, setParam } from './header-params.ts'

/** The magic that marks a branch as unique by RFC 3261 §8.1.1.7. */
export const BRANCH_MAGIC = 'z9hG4bK'

/** Takes one Via value apart (RFC 3261 §20.42); `null` when it is malformed. A missing branch is `''` (RFC 2543 peers). */
export function parseVia(value: string): TopVia | null {
  const protocolEnd = skipProtocol(value)
  if (protocolEnd === -1) return null
  let i = protocolEnd
  while (i < value.length && value.charCodeAt(i) > CHAR.space && value.charCodeAt(i) !== CHAR.semicolon) i++
  const transport = readTransport(value, protocolEnd, i)
  if (transport === null) return null
  const hostStart = skipSpace(value, i)
  if (hostStart === i) return null
  const hostEnd = skipHost(value, hostStart)
  if (hostEnd === -1) return null
  i = skipSpace(value, hostEnd)
  let port: number | null = null
  if (value.charCodeAt(i) === CHAR.colon) {
    const portStart = skipSpace(value, i + 1)
    i = portStart
    while (value.charCodeAt(i) >= 48 && value.charCodeAt(i) <= 57) i++
    port = parseDigits(value, portStart, i)
    if (!(port >= 1 && port <= 65_535)) return null
    i = skipSpace(value, i)
  }
  let branch = ''
  let received: string | null = null
  let rport: string | null = null
  let keep: string | null = null
  let hasAlias = false
  while (i < value.length) {
    const span = readParam(value, i)
    if (span === null) return null
    const name = value.slice(span.nameStart, span.nameEnd)
    if (equalsIgnoreCase(name, 'branch')) branch = detach(paramValue(value, span))
    else if (equalsIgnoreCase(name, 'received')) received = paramValue(value, span)
    else if (equalsIgnoreCase(name, 'rport')) rport = paramValue(value, span)
    else if (equalsIgnoreCase(name, 'keep')) keep = paramValue(value, span)
    else if (equalsIgnoreCase(name, 'alias')) hasAlias = true
    i = span.end
  }
  return { transport, host: value.slice(hostStart, hostEnd), port, branch, received, rport, keep, hasAlias }
}

/**
 * What can be saved of a malformed Via: enough to answer to, where its beginning is sound (RFC 4475 §3.1.2.1), in whatever version of
 * SIP it was written (§3.1.2.16).
 */
export function salvageVia(value: string): TopVia | null {
  const ours = value.replace(/^\s*SIP\s*\/\s*\d+\.\d+/i, 'SIP/2.0')
  const semicolon = ours.indexOf(';')
  return (ours === value ? null : parseVia(ours)) ?? (semicolon === -1 ? null : parseVia(ours.slice(0, semicolon)))
}

function readTransport(value: string, start: number, end: number): string | null {
  if (end - start === 3) {
    if (value.startsWith('UDP', start)) return 'UDP'
    if (value.startsWith('TCP', start)) return 'TCP'
    if (value.startsWith('TLS', start)) return 'TLS'
  }
  return isToken(value, start, end) ? value.slice(start, end).toUpperCase() : null
}

/** Past `SIP / 2.0 /` and the spaces after it; -1 when it is not that. */
function skipProtocol(value: string): number {
  if (value.startsWith('SIP/2.0/')) return skipSpace(value, 8)
  const match = /^\s*SIP\s*\/\s*2\.0\s*\/\s*/i.exec(value)
  return match === null ? -1 : match[0].length
}

/** Past a host name, IPv4 address or IPv6 reference; -1 when there is none. */
function skipHost(value: string, start: number): number {
  let i = start
  if (value.charCodeAt(i) === CHAR.openBracket) {
    const close = value.indexOf(']', i)
    if (close === -1 || !/^[0-9A-Fa-f:.]+$/.test(value.slice(i + 1, close))) return -1
    return close + 1
  }
  for (; i < value.length; i++) {
    const code = value.charCodeAt(i)
    const isLetter = (code | 32) >= 97 && (code | 32) <= 122
    // An underscore is not legal in a host name, but real networks have them.
    if (!isLetter && !(code >= 48 && code <= 57) && code !== 45 && code !== 46 && code !== 95) break
  }
  return i === start ? -1 : i
}

/** Writes our own Via, asking for the source port (RFC 3581 §3). `host` of an IPv6 address comes with its brackets. */
export function buildVia(via: {
  transport: string
  host: string
  port: number | null
  branch: string
  /** More parameters, each with its semicolon. */
  extra?: string
}): string {
  const port = via.port === null ? '' : `:${via.port}`
  return `SIP/2.0/${via.transport} ${via.host}${port};branch=${via.branch};rport${via.extra ?? ''}`
}

/**
 * The top Via as a server must hand it on (RFC 3261 §18.2.1, RFC 3581 §4): `received` is added when the source address
 * differs from sent-by or when rport was asked for, and an empty rport is filled in.
 */
export function viaFromSource(value: string, via: TopVia, address: string, port: number): string {
  const asked = via.rport !== null
  let text = value
  if (asked) text = setParam(text, 'rport', String(port))
  // sent-by writes IPv6 in brackets, `received` may go without them (RFC 5118 §4.5).
  const host = via.host.startsWith('[') ? via.host.slice(1, -1) : via.host
  if (asked || host !== address) text = setParam(text, 'received', address)
  return text
}
