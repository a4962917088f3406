import type { SipMessage } from './message.ts'
import { ALLOW } from './methods.ts'
import { PARTY_KEY } from './parties.ts'

/** Headers that belong to the server in every message (the drachtio protocol drops them too). */
const OWN = ['via', 'route', 'rseq', 'record-route', 'content-length', PARTY_KEY]
/** Headers that the code which builds the message has dealt with already. */
const IDENTITY = ['from', 'to', 'call-id', 'cseq', 'contact', 'max-forwards']
const SKIPPED = new Set([...OWN, ...IDENTITY])
const SKIPPED_IN_CANCEL = new Set([...SKIPPED, 'p-asserted-identity', 'content-type'])

/** Copies what the application wrote beyond the headers that identify the message, and its body. */
export function copyAppHeaders(target: SipMessage, app: SipMessage, local: string): void {
  const skipped = target.method === 'CANCEL' ? SKIPPED_IN_CANCEL : SKIPPED
  for (const { key, name, value } of app.headers) {
    if (skipped.has(key)) continue
    target.headers.push({
      key,
      name: wireName(name),
      value: key === 'p-asserted-identity' ? localize(value, local) : value,
    })
  }
  if (target.method === 'CANCEL') return
  target.body = app.body
  // An SDP without its type is still clearly an SDP: drachtio's applications count on that.
  if (app.body.startsWith('v=0') && app.get('content-type') === undefined) target.add('Content-Type', 'application/sdp')
}

/** An INVITE and its 2xx, and that of an UPDATE, say what can be done in the call (RFC 3261 §13.2.1, §13.3.1.4): where the application does not, we do. */
export function addAbilities(message: SipMessage): void {
  let saysAllow = false
  let saysSupported = false
  for (const { key } of message.headers) {
    if (key === 'allow') saysAllow = true
    else if (key === 'supported') saysSupported = true
  }
  if (!saysAllow) message.add('Allow', ALLOW)
  // Reliable answers would be the application's to acknowledge; session timers are run by the server itself.
  if (!saysSupported) message.add('Supported', 'timer')
}

/** Whether a body came without the type that says what it is. */
export function lacksContentType(app: SipMessage): boolean {
  return app.body !== '' && !app.body.startsWith('v=0') && app.get('content-type') === undefined
}

/** Puts our address where the application wrote `@localhost`, as it cannot know it. */
export function localize(value: string, local: string): string {
  return value.includes('@localhost') ? value.replace(/@localhost(:\d+)?(?![\w.-])/g, `@${local}`) : value
}

/** The same in a Contact, which must also say how to reach us when that is not UDP. */
export function localizeContact(value: string, local: string, transport: string): string {
  if (transport === 'udp' || value.includes(';transport=')) return localize(value, local)
  return localize(value, `${local};transport=${transport}`)
}

/** Towards a sips URI our Contact is one too (RFC 3261 §8.1.1.8, §12.1.1). */
export function securedLike(uri: string, contact: string): string {
  return uri.startsWith('sips:') ? contact.replace(/^([^<]*<|)sip:/i, '$1sips:') : contact
}

/** Applications write unknown headers in lower case; the wire wants `Like-This`, except for X- headers, which keep their letters. */
function wireName(name: string): string {
  if (name !== name.toLowerCase() || name.startsWith('x-')) return name
  return name.replace(/(^|-)[a-z]/g, (start) => start.toUpperCase())
}
