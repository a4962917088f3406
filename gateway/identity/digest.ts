import { hash, timingSafeEqual } from 'node:crypto'
import type { DigestAlgorithm, DigestSecret } from '../../model/sip-user.ts'

/** What a client answers a challenge with: the parameters of one `Authorization: Digest …` (RFC 7616 §3.4). */
export interface DigestAnswer {
  readonly username: string
  readonly realm: string
  readonly nonce: string
  /** As the client hashed it; proxies may have rewritten the Request-URI since (RFC 3261 §22.4 item 5). */
  readonly uri: string
  readonly response: string
  readonly algorithm: DigestAlgorithm
  readonly cnonce: string
  /** The count as written, eight hex digits, since it is hashed as written; `count` is its value. */
  readonly nc: string
  readonly count: number
}

/** Longer Authorization values are refused unread. */
const MAX_AUTHORIZATION = 8192
/** A chain of devices each with a realm of its own may answer for all of them; more than so many is nobody's chain. */
const MAX_ANSWERS = 8

/** RFC 7616 §3.4: these are quoted strings; algorithm, qop and nc are tokens, which much equipment quotes all the same. */
const QUOTED = new Set(['username', 'realm', 'nonce', 'uri', 'response', 'cnonce', 'opaque'])
const HASHES: Record<DigestAlgorithm, { readonly name: string; readonly hexDigits: number }> = {
  MD5: { name: 'md5', hexDigits: 32 },
  'SHA-256': { name: 'sha256', hexDigits: 64 },
}

export class MalformedAuthorization extends Error {
  override readonly name = 'MalformedAuthorization'
}

type Parameters = Map<string, { readonly value: string; readonly quoted: boolean }>

/**
 * The Digest answer for `realm` in the Authorization headers of a request (joined by commas, when there are several), or
 * null when none is for this realm: other realms' are other people's (RFC 3261 §22.3). Throws MalformedAuthorization, whose
 * message is fit for a reason phrase.
 */
export function readDigestAnswer(header: string, realm: string): DigestAnswer | null {
  if (header.length > MAX_AUTHORIZATION) throw malformed('it is too long')
  for (const parameters of readDigests(header)) {
    const theirs = parameters.get('realm')
    if (theirs === undefined) throw malformed('realm is missing')
    if (theirs.value === realm) return answerOf(parameters)
  }
  return null
}

function answerOf(parameters: Parameters): DigestAnswer {
  const need = (name: string): string => {
    const parameter = parameters.get(name)
    if (parameter === undefined) throw malformed(`${name} is missing`)
    if (QUOTED.has(name) && !parameter.quoted) throw malformed(`${name} is not quoted`)
    return parameter.value
  }
  const asked = parameters.get('algorithm')?.value.toUpperCase() ?? 'MD5' // RFC 7616 §3.4: MD5 when it is absent.
  if (asked !== 'MD5' && asked !== 'SHA-256') throw malformed('algorithm is not one that was offered')
  // A challenge always offers qop, and then it must be answered (RFC 3261 §22.4 item 8): without it replays go unseen.
  if (need('qop').toLowerCase() !== 'auth') throw malformed('qop is not auth')
  const nc = need('nc')
  if (!/^[0-9a-f]{8}$/i.test(nc)) throw malformed('nc is not eight hex digits')
  const response = need('response').toLowerCase()
  const { hexDigits } = HASHES[asked]
  if (response.length !== hexDigits || !/^[0-9a-f]+$/.test(response))
    throw malformed(`response is not ${hexDigits} hex digits`)
  return {
    username: need('username'),
    realm: need('realm'),
    nonce: need('nonce'),
    uri: need('uri'),
    response,
    algorithm: asked,
    cnonce: need('cnonce'),
    nc,
    count: Number.parseInt(nc, 16),
  }
}

/** Whether the answer was made by somebody who knows the secret, in a time that does not tell how nearly. */
export function isAnsweredWith(secret: DigestSecret, answer: DigestAnswer, method: string): boolean {
  const ha1 = answer.algorithm === 'MD5' ? secret.md5 : secret.sha256
  return timingSafeEqual(Buffer.from(responseFor(ha1, answer, method)), Buffer.from(answer.response))
}

/** RFC 7616 §3.4.1 with qop=auth, of an HA1 in hex: `H(HA1:nonce:nc:cnonce:auth:H(method:uri))`. */
export function responseFor(
  ha1: string,
  answer: Pick<DigestAnswer, 'algorithm' | 'nonce' | 'nc' | 'cnonce' | 'uri'>,
  method: string,
): string {
  const { name } = HASHES[answer.algorithm]
  const ha2 = hash(name, `${method}:${answer.uri}`)
  return hash(name, `${ha1}:${answer.nonce}:${answer.nc}:${answer.cnonce}:auth:${ha2}`)
}

/** The value of one WWW-Authenticate header (RFC 7616 §3.3). `realm` must hold no quote or backslash. */
export function buildChallenge(challenge: {
  realm: string
  nonce: string
  opaque: string
  algorithm: DigestAlgorithm
  stale: boolean
}): string {
  const { realm, nonce, opaque, algorithm, stale } = challenge
  const isStale = stale ? ', stale=true' : ''
  return `Digest realm="${realm}", nonce="${nonce}", opaque="${opaque}", algorithm=${algorithm}, qop="auth"${isStale}`
}

/**
 * The Digest credentials, or challenges, of a list: each begins with its scheme and a space, and goes on until a comma that is followed by
 * the next scheme. Others' schemes are passed over.
 */
export function* readDigests(text: string): Generator<Parameters> {
  const reader = new Reader(text)
  for (let i = 0; !reader.isAtEnd; i++) {
    if (i === MAX_ANSWERS) throw malformed('it has too many credentials')
    const scheme = reader.token()
    if (scheme === '') throw malformed('it names no scheme')
    reader.space()
    const isDigest = scheme.toLowerCase() === 'digest'
    const parameters: Parameters = new Map()
    do {
      if (reader.isAtScheme()) break
      const name = reader.token().toLowerCase()
      if (name === '' || !reader.take('=')) throw malformed(isDigest ? 'it has no name=value' : 'it cannot be read')
      if (parameters.has(name)) throw malformed(`${printable(name)} is given twice`)
      parameters.set(name, reader.value())
    } while (reader.take(','))
    if (isDigest) yield parameters
  }
}

/** Reads left to right, never back further than one token: the time is linear in the text. */
class Reader {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
    this.space()
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#text.length
  }

  space(): void {
    while (/[ \t\r\n]/.test(this.#text[this.#at] ?? '')) this.#at++
  }

  token(): string {
    const start = this.#at
    while (/[\w!#$%&'*+.^`|~-]/.test(this.#text[this.#at] ?? '')) this.#at++
    return this.#text.slice(start, this.#at)
  }

  take(char: string): boolean {
    this.space()
    if (this.#text[this.#at] !== char) return false
    this.#at++
    this.space()
    return true
  }

  /** Whether the next token is a scheme: followed by a space and another token, where a name would be followed by `=`. */
  isAtScheme(): boolean {
    const start = this.#at
    const isScheme = this.token() !== '' && /[ \t\r\n]/.test(this.#text[this.#at] ?? '') && !this.take('=')
    this.#at = start
    return isScheme
  }

  value(): { value: string; quoted: boolean } {
    if (this.#text[this.#at] !== '"') {
      const value = this.token()
      if (value === '') throw malformed('a value is missing')
      return { value, quoted: false }
    }
    let value = ''
    for (let i = this.#at + 1; i < this.#text.length; i++) {
      let char = this.#text[i]!
      if (char === '"') {
        this.#at = i + 1
        return { value, quoted: true }
      }
      if (char === '\\') char = this.#text[++i] ?? ''
      value += char
    }
    throw malformed('a quote is not closed')
  }
}

function malformed(what: string): MalformedAuthorization {
  return new MalformedAuthorization(`Authorization cannot be read: ${what}`)
}

function printable(name: string): string {
  return name.slice(0, 32)
}
