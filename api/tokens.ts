import { createHash } from 'node:crypto'
import { calculateJwkThumbprint, exportJWK, importPKCS8, importSPKI, jwtVerify, SignJWT } from 'jose'
import type { Role, User } from '../model/account.ts'
import type { Clock } from '../model/clock.ts'
import { newId, type AccountId, type UserId } from '../model/ids.ts'
import { systemRandom } from '../model/random.ts'
import type { Caller } from './endpoint.ts'
import type { SigningKeys } from './options.ts'
import { Recent } from './recent.ts'

const ISSUER = 'dce'
const AUDIENCE = 'dce-api'
/** Tokens whose signature need not be checked again: RS256 costs 40 µs, a look-up less than one. */
const MAX_VERIFIED = 10_000

/** Access tokens: JWTs signed with RS256 (RFC 7519, RFC 7518 §3.3). */
export interface Tokens {
  issue(user: User): Promise<string>
  /** The caller a token names, or null when it is not ours, is over, or was logged out. */
  read(token: string): Promise<Caller | null>
  /** Refuses this token from now on: in this process only; elsewhere it ends with its few minutes. */
  revoke(token: { id: string; expiresAtMs: number }): void
}

export async function createTokens(keys: SigningKeys, expirySeconds: number, clock: Clock): Promise<Tokens> {
  const privateKey = await importPKCS8(keys.privateKeyPem, 'RS256')
  const publicKey = await importSPKI(keys.publicKeyPem, 'RS256', { extractable: true })
  const kid = await calculateJwkThumbprint(await exportJWK(publicKey))
  const verified = new Recent<Caller>(MAX_VERIFIED, 0, () => clock.now())
  const revoked = new Recent<true>(MAX_VERIFIED, 0, () => clock.now())

  async function verify(token: string): Promise<Caller | null> {
    try {
      const { payload } = await jwtVerify(token, publicKey, {
        algorithms: ['RS256'], // Never the token's own choice (RFC 8725 §3.1).
        issuer: ISSUER,
        audience: AUDIENCE,
        requiredClaims: ['sub', 'exp', 'jti', 'account_id', 'role'],
        currentDate: new Date(clock.now()),
      })
      return {
        accountId: payload['account_id'] as AccountId,
        role: payload['role'] as Role,
        userId: payload.sub as UserId,
        token: { id: payload.jti!, expiresAtMs: payload.exp! * 1000 },
      }
    } catch {
      return null
    }
  }

  return {
    issue: (user) =>
      new SignJWT({ account_id: user.accountId, role: user.role })
        .setProtectedHeader({ alg: 'RS256', typ: 'JWT', kid })
        .setIssuer(ISSUER)
        .setAudience(AUDIENCE)
        .setSubject(user.id)
        .setJti(newId<string>(clock))
        .setIssuedAt(Math.floor(clock.now() / 1000))
        .setExpirationTime(Math.floor(clock.now() / 1000) + expirySeconds)
        .sign(privateKey),
    async read(token) {
      const known = verified.get(token)
      const caller = known ?? (await verify(token))
      if (!caller?.token || revoked.get(caller.token.id)) return null
      if (!known) verified.set(token, caller, caller.token.expiresAtMs)
      return caller
    },
    revoke: ({ id, expiresAtMs }) => revoked.set(id, true, expiresAtMs),
  }
}

/** A refresh token: 256 random bits; only its hash is kept. */
export function newRefreshToken(): { secret: string; hash: string } {
  const secret = Buffer.from(systemRandom.bytes(32)).toString('base64url')
  return { secret, hash: hashRefreshToken(secret) }
}

export function hashRefreshToken(secret: string): string {
  return createHash('sha256').update(secret).digest('hex')
}
