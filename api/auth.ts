import { z } from 'zod'
import type { User } from '../model/account.ts'
import { newId } from '../model/ids.ts'
import { endpoint, EVERYONE, type Endpoint } from './endpoint.ts'
import type { Kit } from './kit.ts'
import { Problem } from './problems.ts'
import { hashRefreshToken, newRefreshToken } from './tokens.ts'

const Login = z.strictObject({
  email: z.string().trim().toLowerCase().min(1).max(254),
  password: z.string().min(1).max(256),
})
const Refresh = z.strictObject({ refresh_token: z.string().min(1).max(512) })
const Session = z.strictObject({
  access_token: z.string(),
  refresh_token: z.string(),
  token_type: z.literal('Bearer'),
  expires_in: z.int(),
})

const WRONG = 'The email or the password is wrong.'

/** Logging in, and staying so: a short access token, and a refresh token that works once (RFC 9700 §4.14.2). */
export function authEndpoints(kit: Kit): Endpoint[] {
  const { stores, tokens, passwords, settings, clock } = kit
  // A login for nobody costs what one for somebody costs: response times must not tell who has an account.
  const nobodysHash = passwords.hash(newId<string>())
  nobodysHash.catch(() => undefined) // Whoever awaits it hears of it.

  async function session(user: User): Promise<z.input<typeof Session>> {
    const refresh = newRefreshToken()
    const expiresAt = new Date(clock.now() + settings.refreshTokenExpirySeconds * 1000)
    await stores.refreshTokens.add({ hash: refresh.hash, userId: user.id, expiresAt })
    const accessToken = await tokens.issue(user)
    return {
      access_token: accessToken,
      refresh_token: refresh.secret,
      token_type: 'Bearer',
      expires_in: settings.tokenExpirySeconds,
    }
  }

  const common = { method: 'post', tag: 'auth', who: 'anyone', guarded: true } as const
  const endpoints = [
    endpoint({
      ...common,
      path: '/auth/login',
      summary: 'Log in with email and password',
      body: Login,
      answers: { 200: Session },
      async handle({ body }) {
        const user = await stores.users.findByEmail(body.email)
        const right = await passwords.verify(body.password, user?.passwordHash ?? (await nobodysHash))
        if (!user || !right) throw refused(WRONG)
        const account = await stores.accounts.find(user.accountId)
        if (!account || account.status === 'closed') throw refused(WRONG)
        return { status: 200, body: await session(user) }
      },
    }),
    endpoint({
      ...common,
      path: '/auth/refresh',
      summary: 'Trade a refresh token for a new pair; each works once',
      body: Refresh,
      answers: { 200: Session },
      async handle({ body }) {
        const taken = await stores.refreshTokens.take(hashRefreshToken(body.refresh_token))
        const user = taken && taken.expiresAt.getTime() > clock.now() ? await stores.users.find(taken.userId) : null
        const account = user && (await stores.accounts.find(user.accountId))
        if (!user || !account || account.status === 'closed') {
          throw refused('The refresh token is unknown, was used before, or has expired: log in again.')
        }
        return { status: 200, body: await session(user) }
      },
    }),
    endpoint({
      ...common,
      who: EVERYONE,
      path: '/auth/logout',
      summary: 'Log out everywhere: this access token and all refresh tokens of the user end',
      body: z.strictObject({ refresh_token: z.string().max(512).optional() }),
      bodyOptional: true,
      answers: { 204: 'Logged out' },
      async handle({ caller }) {
        if (caller.token) tokens.revoke(caller.token)
        if (caller.userId) await stores.refreshTokens.removeAllOf(caller.userId)
        return { status: 204 }
      },
    }),
  ]
  if (kit.demoLogin) endpoints.push(demoSession(kit, kit.demoLogin.email, session))
  return endpoints
}

/** Demo mode: the console signs in by itself. The demo listens on loopback and its money is play money. */
function demoSession(kit: Kit, address: string, session: (user: User) => Promise<unknown>): Endpoint {
  return endpoint({
    method: 'get',
    path: '/demo/session',
    rootOnly: true,
    tag: 'auth',
    who: 'anyone',
    summary: 'Demo only: a session for the page at /',
    answers: { 200: Session },
    async handle() {
      const user = await kit.stores.users.findByEmail(address.toLowerCase())
      if (!user) throw new Problem('not_found', 'The demo has no such user.')
      return { status: 200, body: await session(user) }
    },
  })
}

function refused(detail: string): Problem {
  return new Problem('unauthorized', detail, { headers: { 'www-authenticate': 'Bearer realm="dce"' } })
}
