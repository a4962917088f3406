import type { Account, AccountType, Role } from '../model/account.ts'
import type { Clock } from '../model/clock.ts'
import type { AccountId } from '../model/ids.ts'
import type { Caller } from './endpoint.ts'
import { StoreUnavailable } from './needs.ts'
import type { ApiOptions } from './options.ts'
import { Problem } from './problems.ts'
import { Recent } from './recent.ts'
import type { Tokens } from './tokens.ts'

/** How long another process's suspension or deleted key may go unnoticed here. */
const MEMORY_MS = 5_000
const MAX_REMEMBERED = 10_000
/** Longer than any token of ours; what is longer is not worth hashing. */
const MAX_TOKEN_LENGTH = 4096

const ROLE_OF: Record<AccountType, Role | null> = {
  operator: 'admin',
  buyer: 'buyer',
  seller: 'seller',
  external: null,
}

/** Turns credentials into a caller. Throws 401 for what is no valid token or key, and for accounts that are closed. */
export interface Authenticator {
  /** From an `Authorization` header. A key for pings is refused (403) unless the endpoint takes it. */
  fromHeader(header: string | undefined, takesPingKeys?: boolean): Promise<Caller>
  /** From a bare token or API key, as from a header. */
  fromToken(token: string, takesPingKeys?: boolean): Promise<Caller>
  /** Suspended accounts may read, not change: throws 403. */
  requireActive(caller: Caller): Promise<void>
  /** Forgets what was remembered of accounts and keys: something about them has changed here. */
  forget(): void
}

export function createAuthenticator(
  options: Pick<ApiOptions, 'stores' | 'apiKeys'> & { clock: Clock; tokens: Tokens },
): Authenticator {
  const { stores, tokens, apiKeys, clock } = options
  const accounts = new Recent<Account['status'] | 'gone'>(MAX_REMEMBERED, MEMORY_MS, () => clock.now())
  const keys = new Recent<Caller>(MAX_REMEMBERED, MEMORY_MS, () => clock.now())

  async function statusOf(id: AccountId): Promise<Account['status'] | 'gone'> {
    const known = accounts.get(id)
    if (known) return known
    try {
      const status = (await stores.accounts.find(id))?.status ?? 'gone'
      accounts.set(id, status)
      return status
    } catch (error) {
      // The credentials are good; while the database is away nobody is shut out of the calls that go on.
      if (error instanceof StoreUnavailable) return 'active'
      throw error
    }
  }

  async function fromApiKey(secret: string): Promise<Caller | null> {
    const hash = apiKeys.hash(secret)
    const known = keys.get(hash)
    if (known) return known
    const key = await stores.apiKeys.findBySecretHash(hash)
    const account = key && (await stores.accounts.find(key.accountId))
    const role = account ? ROLE_OF[account.type] : null
    if (!account || !role) return null
    const caller: Caller = {
      accountId: account.id,
      role,
      userId: null,
      token: null,
      ...(key.scope === 'ping' && { isForPings: true }),
    }
    keys.set(hash, caller)
    return caller
  }

  async function fromToken(token: string, takesPingKeys = false): Promise<Caller> {
    if (token.length > MAX_TOKEN_LENGTH) throw unauthorized('The token is too long to be one of ours.')
    const isJwt = token.split('.').length === 3
    const caller = await (isJwt ? tokens.read(token) : fromApiKey(token))
    if (!caller) throw unauthorized('The access token or API key is unknown, has expired or was withdrawn.')
    if (caller.isForPings && !takesPingKeys) throw new Problem('forbidden', 'This API key is for pings alone.')
    const status = await statusOf(caller.accountId)
    if (status === 'closed' || status === 'gone') throw unauthorized('The account is closed.')
    return caller
  }

  return {
    fromHeader: async (header, takesPingKeys) => fromToken(bearerOf(header), takesPingKeys),
    fromToken,
    async requireActive(caller) {
      if ((await statusOf(caller.accountId)) !== 'active') {
        throw new Problem('account_suspended', 'A suspended account can read but not change anything.')
      }
    },
    forget() {
      accounts.clear()
      keys.clear()
    },
  }
}

/** The token of an `Authorization` header (RFC 6750 §2.1); throws 401 when there is none. */
export function bearerOf(header: string | undefined): string {
  if (header === undefined) throw unauthorized('Send `Authorization: Bearer` with an access token or an API key.')
  const match = /^Bearer +(\S+) *$/i.exec(header)
  if (!match) throw unauthorized('The Authorization header is not `Bearer` followed by a token.')
  return match[1]!
}

function unauthorized(detail: string): Problem {
  return new Problem('unauthorized', detail, { headers: { 'www-authenticate': 'Bearer realm="dce"' } })
}
