import { answerChallenge, type Credentials } from './digest-client.ts'

/** As much of drachtio-srf's requests and agent as its digest client touches. */
interface SentRequest {
  readonly method: string
  readonly uri: string
  readonly _originalParams: { readonly options: RequestOptions }
  get(name: string): string
}
interface RequestOptions {
  uri: string
  auth: Credentials
  body?: string
  headers?: Record<string, string>
  proxy?: string
  _socket?: unknown
}
interface DigestClient {
  readonly req: SentRequest
  readonly res: {
    readonly status: number
    readonly socket: unknown
    readonly source_address?: string
    readonly source_port?: number
    get(name: string): string | undefined
  }
  readonly agent: { request(options: RequestOptions, callback: Sent): void }
}
type Sent = (error: Error | null, request?: unknown) => void

/** Headers that the retry takes from the request, or makes anew. */
const REPLACED = new Set(['from', 'call-id', 'cseq', 'authorization', 'proxy-authorization'])

/**
 * Has drachtio-srf answer challenges our way. Its own digest client knows MD5 only, takes one challenge for all of several,
 * gives `qop` back as it was offered, and inside dialogs digests another URI than the one it sends. What it does around that
 * (CANCEL of a request being replaced, listeners moved to the new one, one retry and no more) stays as it is.
 */
export function answerChallengesOurWay(client: { prototype: object }): void {
  Object.assign(client.prototype, { authenticate })
}

function authenticate(this: DigestClient, callback: Sent): void {
  // oxlint-disable-next-line no-underscore-dangle -- theirs, and there is no other way to it.
  const { options } = this.req._originalParams
  const isProxy = this.res.status === 407
  const challenges = this.res.get(isProxy ? 'Proxy-Authenticate' : 'WWW-Authenticate') ?? ''
  const challenged = { method: this.req.method, uri: this.req.uri, body: options.body ?? '' }
  const authorization = answerChallenge(challenges, challenged, options.auth)
  if (authorization === null) return callback(new Error('no challenge that can be answered'))
  const kept = Object.entries(options.headers ?? {}).filter(([name]) => !REPLACED.has(name.toLowerCase()))
  // RFC 3261 §22.2: the same Call-ID, From and To, the next CSeq.
  const cseq = Number.parseInt(this.req.get('CSeq'), 10) + 1
  options.headers = {
    ...Object.fromEntries(kept),
    'Call-ID': this.req.get('Call-ID'),
    From: this.req.get('From'),
    CSeq: `${cseq} ${this.req.method}`,
    [isProxy ? 'Proxy-Authorization' : 'Authorization']: authorization,
  }
  const proxy = options.proxy ?? challenger(this.res, options.uri)
  if (proxy !== undefined) options.proxy = proxy
  // oxlint-disable-next-line no-underscore-dangle -- theirs.
  options._socket = this.res.socket
  this.agent.request(options, callback)
}

/** Whoever challenged gets the answer: a name of several hosts may be another one's the next time. */
function challenger({ source_address: host, source_port: port }: DigestClient['res'], uri: string): string | undefined {
  if (host === undefined || port === undefined) return undefined
  const transport = /;transport=[^;>\s]+/i.exec(uri)?.[0] ?? ''
  return `sip:${host.includes(':') ? `[${host}]` : host}:${port}${transport}`
}
