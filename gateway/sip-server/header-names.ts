import assert from 'node:assert/strict'

/** What the parser does with a header, beyond keeping it. */
type HeaderRole = 'plain' | 'via' | 'from' | 'to' | 'contact' | 'call-id' | 'cseq' | 'max-forwards' | 'content-length'

export interface HeaderInfo {
  /** Full lower-case name. */
  readonly key: string
  /** The name as the standards write it. */
  readonly name: string
  /** The grammar is a comma list whose items may stand in fields of their own (RFC 3261 §7.3.1). */
  readonly isList: boolean
  /** Two of a header that may stand once make the message invalid: its own bit here; 0 for others. */
  readonly singleBit: number
  readonly role: HeaderRole
}

/** Comma lists. Not here, though commas occur in them: Date, and the credentials and challenges of §22 and §20.7. */
const LISTS =
  'Via,Route,Record-Route,Contact,Supported,Require,Proxy-Require,Unsupported,Allow,Accept,Accept-Encoding,' +
  'Accept-Language,Alert-Info,Call-Info,Content-Encoding,Content-Language,Error-Info,In-Reply-To,Warning,' +
  'Allow-Events,P-Asserted-Identity,P-Preferred-Identity,P-Associated-URI,P-Early-Media,Path,Service-Route,History-Info,Diversion,Reason,' +
  'Geolocation,Accept-Contact,Reject-Contact,Request-Disposition,Resource-Priority,Accept-Resource-Priority,Recv-Info,' +
  'Security-Client,Security-Server,Security-Verify,Feature-Caps'

/** Headers that may stand once only and that somebody here acts upon. */
const SINGLES =
  'From,To,Call-ID,CSeq,Max-Forwards,Content-Length,Content-Type,Expires,Min-Expires,Session-Expires,Min-SE,RSeq,RAck,Refer-To,' +
  'Referred-By,Replaces,Event,SIP-ETag,SIP-If-Match,Timestamp,Retry-After,MIME-Version,Content-Disposition,Identity-Info,Target-Dialog'

const OTHERS =
  'Authentication-Info,Authorization,Date,Identity,Organization,Priority,Privacy,Proxy-Authenticate,Proxy-Authorization,' +
  'Reply-To,Server,Subject,Subscription-State,User-Agent,WWW-Authenticate,Refer-Sub,Join,Answer-Mode,Info-Package,Remote-Party-ID,' +
  'P-Access-Network-Info,P-Called-Party-ID,P-Charging-Vector,P-Charging-Function-Addresses,P-Visited-Network-ID,' +
  'X-Forwarded-For,User-to-User,Hide,Encryption,Response-Key'

/** RFC 3261 §7.3.3 and the IANA registry of compact forms. */
const COMPACT: Readonly<Record<string, string>> = {
  a: 'accept-contact',
  b: 'referred-by',
  c: 'content-type',
  d: 'request-disposition',
  e: 'content-encoding',
  f: 'from',
  i: 'call-id',
  j: 'reject-contact',
  k: 'supported',
  l: 'content-length',
  m: 'contact',
  n: 'identity-info',
  o: 'event',
  r: 'refer-to',
  s: 'subject',
  t: 'to',
  u: 'allow-events',
  v: 'via',
  x: 'session-expires',
  y: 'identity',
}

const ROLES: Readonly<Record<string, HeaderRole>> = {
  via: 'via',
  from: 'from',
  to: 'to',
  contact: 'contact',
  'call-id': 'call-id',
  cseq: 'cseq',
  'max-forwards': 'max-forwards',
  'content-length': 'content-length',
}

const byKey = new Map<string, HeaderInfo>()
/** Known headers by length and first letter: most lines are recognised without cutting the name out. */
const byShape: HeaderInfo[][] = []
/** How many single headers there are: at most 31, the bits of a small integer. */
let singles = 0

function shapeOf(length: number, firstCode: number): number {
  return (length << 5) | (firstCode & 31)
}

function register(names: string, isList: boolean, isSingle: boolean): void {
  for (const name of names.split(',')) {
    const key = name.toLowerCase()
    const singleBit = isSingle ? 1 << singles++ : 0
    const info: HeaderInfo = { key, name, isList, singleBit, role: ROLES[key] ?? 'plain' }
    byKey.set(key, info)
    const shape = shapeOf(name.length, name.charCodeAt(0))
    const group = byShape[shape]
    if (group === undefined) byShape[shape] = [info]
    else group.push(info)
  }
}

register(LISTS, true, false)
register(SINGLES, false, true)
register(OTHERS, false, false)
assert(singles <= 31)
for (const [compact, key] of Object.entries(COMPACT)) byKey.set(compact, byKey.get(key)!)

/** The known header written at `start..end` of `text`, in any case or compact; `undefined` for a header we do not know. */
export function findHeader(text: string, start: number, end: number): HeaderInfo | undefined {
  const group = byShape[shapeOf(end - start, text.charCodeAt(start))]
  if (group !== undefined) for (const info of group) if (text.startsWith(info.name, start)) return info
  return byKey.get(text.slice(start, end).toLowerCase())
}

function bitOf(key: string): number {
  return byKey.get(key)!.singleBit
}

/** The bits of the headers without which a message is none. */
export const REQUIRED = { from: bitOf('from'), to: bitOf('to'), callId: bitOf('call-id'), cseq: bitOf('cseq') } as const
