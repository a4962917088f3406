import type { SipBinding } from '../../model/sip-user.ts'
import { parseNameAddr } from '../sip-server/headers.ts'
import { parseUri, type Uri } from '../sip-server/uri.ts'
import { RequestRefused } from '../outside-calls/request-refused.ts'
import { listOf, uriOf } from '../headers/sip-fields.ts'
import type { SipRequest } from '../srf/srf-types.ts'

/** Most Contacts in one REGISTER: a device has one, or one for each of its flows. */
const MAX_CONTACTS = 10
const MAX_PATH = 5
const MAX_URI = 512
const MAX_USER_AGENT = 200
/** RFC 3261 §20.19: what a malformed time is taken for, in seconds. */
const MALFORMED_EXPIRES = 3600
/** What of a REGISTER's `Require` we can do. */
const EXTENSIONS = new Set(['path', 'outbound', 'gruu'])

/** A URN in a quoted-string, between angle brackets (RFC 5626 §4.1): what would end either is none. */
const INSTANCE = /^[^\0-\x20"<>\\\x7f-\uffff]+$/

/** One Contact of a REGISTER. */
export interface ContactChange {
  readonly contact: string
  readonly uri: Uri
  /** Seconds asked for; null: the registrar's default. */
  readonly expires: number | null
  /** Thousandths. */
  readonly q: number
  readonly instance: string | null
  readonly regId: number | null
}

/** A REGISTER as the registrar sees it (RFC 3261 §10.2). */
export interface RegisterRequest {
  /** The user part of the To URI: whose bindings these are. */
  readonly user: string
  /** `all`: every binding is to go (`Contact: *`). Empty: a question. */
  readonly contacts: readonly ContactChange[] | 'all'
  readonly callId: string
  readonly cseq: number
  readonly path: readonly string[]
  readonly source: SipBinding['source']
  readonly userAgent: string | null
  readonly wantsGruu: boolean
}

/** Whose address of record the REGISTER is about; throws RequestRefused. */
export function registeredUser(req: SipRequest): string {
  const uri = parseUri(uriOf(req.get('To') ?? ''))
  if (uri === null || uri.scheme === 'tel' || uri.user === '') throw new RequestRefused(400, 'To names no user')
  return uri.user
}

/** Reads a REGISTER; throws RequestRefused for one that no registrar can follow (RFC 3261 §10.3). */
export function readRegister(req: SipRequest): RegisterRequest {
  const unknown = listOf(req.get('Require')).filter((name) => !EXTENSIONS.has(name.toLowerCase()))
  if (unknown.length > 0) throw new RequestRefused(420, 'Bad Extension', { Unsupported: unknown.join(', ') })
  const supported = new Set(listOf(req.get('Supported')).map((name) => name.toLowerCase()))
  const path = listOf(req.get('Path'))
  if (path.length > MAX_PATH || path.some((hop) => parseUri(uriOf(hop)) === null || hop.length > MAX_URI))
    throw new RequestRefused(400, 'Path cannot be read')
  const contacts = readContacts(req, supported.has('outbound'))
  // RFC 5626 §6: a flow can only be used if nothing on the way forgets it.
  const usesFlow = contacts !== 'all' && contacts.some(({ regId }) => regId !== null)
  if (usesFlow && path.length === 0 && listOf(req.get('Via')).length > 1)
    throw new RequestRefused(439, 'First Hop Lacks Outbound Support')
  return {
    user: registeredUser(req),
    contacts,
    callId: req.get('Call-ID') ?? '',
    cseq: Number.parseInt(req.get('CSeq') ?? '', 10),
    path,
    source: { transport: transportOf(req), host: req.source_address, port: req.source_port },
    userAgent: req.get('User-Agent')?.slice(0, MAX_USER_AGENT) ?? null,
    wantsGruu: supported.has('gruu'),
  }
}

/** The control protocol shows WebSocket as TCP; the Via of whoever sent it knows better (RFC 7118 §5.1). */
function transportOf(req: SipRequest): string {
  const via = /^SIP\s*\/\s*2\.0\s*\/\s*(wss?)\s/i.exec(req.get('Via') ?? '')?.[1]
  return (via ?? req.protocol).toLowerCase()
}

function readContacts(req: SipRequest, hasOutbound: boolean): RegisterRequest['contacts'] {
  const values = listOf(req.get('Contact'))
  const forAll = readExpires(req.get('Expires'))
  if (values.includes('*')) {
    if (values.length > 1 || forAll !== 0) throw new RequestRefused(400, 'Contact * goes alone and with Expires: 0')
    return 'all'
  }
  if (values.length > MAX_CONTACTS) throw new RequestRefused(400, `more than ${MAX_CONTACTS} Contacts`)
  const contacts = values.map((value) => readContact(value, forAll, hasOutbound))
  if (contacts.filter(({ regId, expires }) => regId !== null && expires !== 0).length > 1)
    throw new RequestRefused(400, 'more than one Contact with reg-id') // RFC 5626 §4.2
  return contacts
}

function readContact(value: string, forAll: number | null, hasOutbound: boolean): ContactChange {
  const address = parseNameAddr(value)
  const uri = address && parseUri(address.uri)
  if (!uri || uri.scheme === 'tel' || address.uri.length > MAX_URI)
    throw new RequestRefused(400, 'Contact is no SIP URI')
  const own = address.params.get('expires')
  const instance = address.params.get('+sip.instance')?.replaceAll(/^<|>$/g, '') ?? null
  if (instance !== null && (instance === '' || instance.length > MAX_URI || !INSTANCE.test(instance)))
    throw new RequestRefused(400, '+sip.instance cannot be read')
  return {
    contact: address.uri,
    uri,
    expires: own === undefined ? forAll : readExpires(own),
    q: readQ(address.params.get('q')),
    instance,
    regId: hasOutbound && instance !== null ? readRegId(address.params.get('reg-id')) : null,
  }
}

function readExpires(text: string | undefined): number | null {
  if (text === undefined) return null
  const digits = text.trim()
  if (!/^\d+$/.test(digits)) return MALFORMED_EXPIRES
  return Math.min(Number(digits), 2 ** 32 - 1)
}

/** RFC 3261 §25.1 qvalue; 1 when absent or malformed. */
function readQ(text: string | undefined): number {
  return text !== undefined && /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/.test(text)
    ? Math.round(Number(text) * 1000)
    : 1000
}

function readRegId(text: string | undefined): number | null {
  if (text === undefined) return null
  const value = /^\d{1,10}$/.test(text) ? Number(text) : 0
  if (value < 1 || value > 2 ** 31 - 1) throw new RequestRefused(400, 'reg-id is no number from 1 on')
  return value
}
