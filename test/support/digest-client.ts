import { digestSecret } from '../../accounts/credentials.ts'
import { responseFor } from '../../gateway/identity/digest.ts'
import type { DigestAlgorithm } from '../../model/sip-user.ts'

export interface DigestClientOptions {
  readonly username: string
  readonly password: string
  readonly method: string
  readonly uri: string
  readonly algorithm?: DigestAlgorithm
  readonly count?: number
  /** In place of the challenge's. */
  readonly realm?: string
}

/** What a client answers a challenge with: the value of its Authorization header. */
export function answerChallenge(challenge: string, options: DigestClientOptions): string {
  const { username, password, method, uri, algorithm = 'SHA-256', count = 1 } = options
  const said = (name: string): string => new RegExp(`${name}="([^"]*)"`).exec(challenge)?.[1] ?? ''
  const realm = options.realm ?? said('realm')
  const secret = digestSecret(username, realm, password)
  const answer = { algorithm, nonce: said('nonce'), nc: count.toString(16).padStart(8, '0'), cnonce: 'abc', uri }
  const response = responseFor(algorithm === 'MD5' ? secret.md5 : secret.sha256, answer, method)
  return (
    `Digest username="${username}", realm="${realm}", nonce="${answer.nonce}", uri="${uri}", response="${response}", ` +
    `algorithm=${algorithm}, cnonce="${answer.cnonce}", nc=${answer.nc}, qop=auth, opaque="${said('opaque')}"`
  )
}
