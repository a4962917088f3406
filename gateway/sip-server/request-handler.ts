/** Who is asked what to do with new requests of a method (drachtio's `request-handler`). Plain data: it crosses the thread. */
export interface RequestHandler {
  /** In upper case, or `*` for every method that has no handler of its own. */
  readonly method: string
  /** `http:` and `https:` are asked; `tcp:` and `tls:` are the application itself. */
  readonly url: string
  /** POST sends the whole SIP message as its body. */
  readonly httpMethod: 'GET' | 'POST'
  /** Whether a certificate must be one we can check. */
  readonly verifyPeer: boolean
}

const SCHEMES = new Set(['http:', 'https:', 'tcp:', 'tls:'])

/**
 * Reads `METHOD [GET|POST] URL [insecure]`: `INVITE POST https://routes.example.com/sip`, `* tcp://10.0.0.5:9023`.
 * Throws an error that quotes the text and says what is wrong with it.
 */
export function parseRequestHandler(text: string): RequestHandler {
  const words = text.trim().split(/\s+/)
  const method = words.shift() ?? ''
  if (!/^(\*|[A-Za-z]+)$/.test(method)) throw new Error(`request handler "${text}": it begins with a method, or *`)
  const httpMethod = words[0] === 'GET' || words[0] === 'POST' ? words.shift()! : 'GET'
  const url = words.shift() ?? ''
  const parsed = URL.parse(url)
  if (parsed === null || !SCHEMES.has(parsed.protocol))
    throw new Error(
      `request handler "${text}": ${url === '' ? 'it has no URL' : `${url} is no http, https, tcp or tls URL`}`,
    )
  if (!parsed.protocol.startsWith('http') && parsed.port === '')
    throw new Error(`request handler "${text}": ${url} has no port`)
  const verifyPeer = words[0] !== 'insecure'
  if (words.length > (verifyPeer ? 0 : 1))
    throw new Error(`request handler "${text}": "${words.at(-1)}" is one word too many`)
  return { method: method.toUpperCase(), url, httpMethod: httpMethod === 'POST' ? 'POST' : 'GET', verifyPeer }
}
