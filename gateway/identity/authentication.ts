import { randomBytes } from 'node:crypto'
import { digestSecret } from '../../accounts/credentials.ts'
import type { Telemetry } from '../../config/telemetry.ts'
import type { DigestAlgorithm } from '../../model/sip-user.ts'
import { buildChallenge, isAnsweredWith, MalformedAuthorization, readDigestAnswer } from './digest.ts'
import { Nonces } from './nonces.ts'
import { OldClients } from './old-clients.ts'
import { uriOf } from '../headers/sip-fields.ts'
import type { Credential, SipCredentials } from './sip-credentials.ts'
import { headerLines, type SipRequest } from '../srf/srf-types.ts'

/** Most nonces in use whose counts are remembered: some 150 bytes each. */
const MAX_NONCES = 100_000

/** What a request says of who sent it. `challenge`: send it back with these headers and 401. */
export type Identification =
  | { readonly kind: 'anonymous' }
  /** Several, when trunks have the same username and password: their owners must be told apart by something else. */
  | { readonly kind: 'known'; readonly credentials: readonly Credential[] }
  | { readonly kind: 'challenge'; readonly headers: Record<string, string> }
  | { readonly kind: 'malformed'; readonly detail: string }

type Challenged = Pick<SipRequest, 'method' | 'source_address' | 'get'>

export interface AuthenticationOptions {
  readonly realm: string
  /** In the order they are offered: clients take the first they know (RFC 8760 §2.4). */
  readonly algorithms: readonly DigestAlgorithm[]
  readonly nonceLifetimeMs: number
  readonly credentials: SipCredentials
  readonly now: () => number
  readonly telemetry: Telemetry
  readonly maxNonces?: number
}

/** Digest authentication of those who send us requests (RFC 3261 §22, RFC 7616, RFC 8760). Synchronous: some 20 µs of hashing. */
export class Authentication {
  readonly #options: AuthenticationOptions
  readonly #nonces: Nonces
  readonly #oldClients: OldClients
  readonly #opaque = randomBytes(8).toString('hex')
  /** Tried for a username nobody has: the answer takes as long as for a wrong password. */
  readonly #nobody = digestSecret('', '', randomBytes(16).toString('hex'))

  constructor(options: AuthenticationOptions) {
    this.#options = options
    this.#oldClients = new OldClients(options.now)
    const { realm, nonceLifetimeMs: lifetimeMs, maxNonces: maxRemembered = MAX_NONCES, now } = options
    this.#nonces = new Nonces({ realm, lifetimeMs, maxRemembered, now })
  }

  get credentials(): SipCredentials {
    return this.#options.credentials
  }

  /** Reads the request's Authorization headers. `anonymous`: none of them is for our realm. */
  identify(req: Challenged): Identification {
    const header = req.get('Authorization')
    if (header === undefined) return { kind: 'anonymous' }
    const { realm, algorithms, telemetry } = this.#options
    try {
      const answer = readDigestAnswer(header, realm)
      if (answer === null) return { kind: 'anonymous' }
      const candidates = this.credentials.ofUsername(answer.username)
      const known = candidates.filter(({ secret }) => isAnsweredWith(secret, answer, req.method))
      if (candidates.length === 0) isAnsweredWith(this.#nobody, answer, req.method)
      if (known.length === 0 || !algorithms.includes(answer.algorithm))
        return this.challenge(req, 'refused', answer.algorithm)
      // The password is right, so nobody need be asked for it again: a fresh nonce is enough.
      if (this.#nonces.take(answer.nonce, answer.count) === 'stale')
        return this.challenge(req, 'stale', answer.algorithm)
      if (answer.algorithm !== 'MD5') this.#oldClients.answered(clientOf(req))
      telemetry.sipAuthentications.inc({ result: 'accepted' })
      return { kind: 'known', credentials: known }
    } catch (error) {
      if (!(error instanceof MalformedAuthorization)) throw error
      telemetry.sipAuthentications.inc({ result: 'malformed' })
      return { kind: 'malformed', detail: error.message }
    }
  }

  /** Asks for a password; `refused` and `stale` say what was wrong with the one that came. */
  challenge(
    req: Challenged,
    result: 'challenged' | 'refused' | 'stale' = 'challenged',
    answeredWith: DigestAlgorithm | null = null,
  ): Identification & { kind: 'challenge' } {
    const { realm, telemetry } = this.#options
    const algorithms = this.#algorithmsFor(req, answeredWith)
    telemetry.sipAuthentications.inc({ result })
    const nonce = this.#nonces.issue()
    const values = algorithms.map((algorithm) =>
      buildChallenge({ realm, nonce, opaque: this.#opaque, algorithm, stale: result === 'stale' }),
    )
    return { kind: 'challenge', headers: headerLines('WWW-Authenticate', values) }
  }

  #algorithmsFor(req: Challenged, answeredWith: DigestAlgorithm | null): readonly DigestAlgorithm[] {
    const { algorithms } = this.#options
    if (!algorithms.includes('MD5') || algorithms.length === 1) return algorithms
    if (answeredWith !== null) return answeredWith === 'MD5' ? ['MD5'] : algorithms // It has chosen.
    const isOld =
      OldClients.isKnown(req.get('User-Agent'), req.get('From')) || this.#oldClients.challenged(clientOf(req))
    return isOld ? ['MD5'] : algorithms
  }
}

function clientOf(req: Challenged): string {
  return `${req.source_address} ${uriOf(req.get('From') ?? '').slice(0, 256)}`
}
