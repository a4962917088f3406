import { hash, randomBytes } from 'node:crypto'
import { readDigests } from '../identity/digest.ts'

export interface Credentials {
  readonly username: string
  readonly password: string
}

/** What a digest is made over. */
export interface Challenged {
  readonly method: string
  /** The Request-URI as it went out. */
  readonly uri: string
  readonly body: string
}

/** The hashes we know (RFC 8760 §2), the strongest first: whatever the order of the challenges, it is taken. */
const HASHES: ReadonlyMap<string, string> = new Map([
  ['SHA-512-256', 'sha512-256'],
  ['SHA-256', 'sha256'],
  ['MD5', 'md5'],
])
const PREFERENCE = [...HASHES.keys()]

interface Challenge {
  readonly realm: string
  readonly nonce: string
  readonly opaque: string | undefined
  /** As the challenge wrote it: it is given back so. */
  readonly algorithm: string | undefined
  readonly hash: string
  readonly rank: number
  readonly isSession: boolean
  readonly qop: 'auth' | 'auth-int' | null
}

/**
 * The value of Authorization for a WWW-Authenticate or Proxy-Authenticate (several joined by commas): RFC 7616 §3.4, with the
 * hashes of RFC 8760. Null when none of the challenges is one we can answer.
 */
export function answerChallenge(
  header: string,
  challenged: Challenged,
  credentials: Credentials,
  cnonce: string = randomBytes(16).toString('hex'),
): string | null {
  const challenge = strongest(header)
  if (challenge === null) return null
  const { realm, nonce, opaque, algorithm, qop } = challenge
  const nc = '00000001'
  const response = digestOf(challenge, challenged, credentials, nc, cnonce)
  const quoted = {
    username: credentials.username,
    realm,
    nonce,
    uri: challenged.uri,
    response,
    ...(opaque !== undefined && { opaque }),
  }
  const parts = Object.entries(quoted).map(
    ([name, value]) => `${name}="${value.replaceAll(/["\\]/g, String.raw`\$&`)}"`,
  )
  if (algorithm !== undefined) parts.push(`algorithm=${algorithm}`)
  if (qop !== null) parts.push(`qop=${qop}`, `nc=${nc}`)
  if (qop !== null || challenge.isSession) parts.push(`cnonce="${cnonce}"`)
  return `Digest ${parts.join(', ')}`
}

function strongest(header: string): Challenge | null {
  let best: Challenge | null = null
  try {
    for (const parameters of readDigests(header)) {
      const challenge = readChallenge((name) => parameters.get(name)?.value)
      if (challenge !== null && (best === null || challenge.rank < best.rank)) best = challenge
    }
  } catch {
    // What came before the unreadable part still counts.
  }
  return best
}

function readChallenge(value: (name: string) => string | undefined): Challenge | null {
  const realm = value('realm')
  const nonce = value('nonce')
  if (realm === undefined || nonce === undefined) return null
  const algorithm = value('algorithm')
  const name = (algorithm ?? 'MD5').toUpperCase()
  const isSession = name.endsWith('-SESS')
  const base = isSession ? name.slice(0, -5) : name
  const hashName = HASHES.get(base)
  if (hashName === undefined) return null
  const qops = value('qop')
    ?.split(',')
    .map((each) => each.trim().toLowerCase())
  const qop = qops === undefined ? null : (['auth', 'auth-int'] as const).find((each) => qops.includes(each))
  if (qop === undefined) return null
  return {
    realm,
    nonce,
    opaque: value('opaque'),
    algorithm,
    hash: hashName,
    rank: PREFERENCE.indexOf(base),
    isSession,
    qop,
  }
}

/** RFC 7616 §3.4.1 to §3.4.3; without qop as RFC 2069 had it, which much equipment still does. */
function digestOf(
  { hash: name, realm, nonce, isSession, qop }: Challenge,
  { method, uri, body }: Challenged,
  { username, password }: Credentials,
  nc: string,
  cnonce: string,
): string {
  const secret = hash(name, `${username}:${realm}:${password}`)
  const ha1 = isSession ? hash(name, `${secret}:${nonce}:${cnonce}`) : secret
  const ha2 = hash(name, qop === 'auth-int' ? `${method}:${uri}:${hash(name, body)}` : `${method}:${uri}`)
  return hash(name, qop === null ? `${ha1}:${nonce}:${ha2}` : `${ha1}:${nonce}:${nc}:${cnonce}:${qop}:${ha2}`)
}
