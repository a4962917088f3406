import { z } from 'zod'
import type { Account, AccountType, Role } from '../model/account.ts'
import { NO_CAPS, type Caps as AccountCaps } from '../model/caps.ts'
import type { AccountId } from '../model/ids.ts'
import { Caps, CapsAnswer, mergeCaps } from './caps.ts'
import { given } from './crud.ts'
import { fundsState } from '../accounts/funds.ts'
import { FUNDS_STATES } from '../model/funds.ts'
import { CENT } from '../model/money.ts'
import { ADMIN, endpoint, EVERYONE, type Caller, type Endpoint } from './endpoint.ts'
import { maySee, notFound, type Kit } from './kit.ts'
import { StoreConflict } from './needs.ts'
import { requireMatch } from './preconditions.ts'
import { invalid, Problem } from './problems.ts'
import * as s from './schemas.ts'

const TYPES = ['seller', 'buyer', 'operator'] as const
const STATUSES = ['active', 'suspended', 'closed'] as const

const lowBalance = () =>
  s
    .money(CENT)
    .nullish()
    .meta({ description: 'A buyer that has less than this, credit included, is told (account.balance_low)' })

const Create = z.strictObject({
  type: z.enum(TYPES),
  name: s.text(200),
  email: s.email().nullish(),
  password: s.newPassword().optional(),
  status: z.enum(STATUSES).default('active'),
  currency: s.currency().default('USD'),
  timezone: s.timezone().default('America/New_York'),
  credit_limit: s.money().default(0n),
  caps: Caps.nullish(),
  reserve_price: s.money().nullish(),
  low_balance: lowBalance(),
})

// The type and currency of an account are what its ledger is kept in: they stay.
const Patch = z.strictObject({
  name: s.text(200).optional(),
  email: s.email().nullish(),
  password: s.newPassword().optional(),
  status: z.enum(STATUSES).optional(),
  timezone: s.timezone().optional(),
  credit_limit: s.money().optional(),
  caps: Caps.nullish().meta({ description: 'On the calls a buyer buys or a seller sells, in its own time zone' }),
  reserve_price: s
    .money()
    .nullish()
    .meta({ description: 'The least a seller takes for any of its calls; a number may ask for more' }),
  low_balance: lowBalance(),
})

const AccountAnswer = z.strictObject({
  id: s.printedId(),
  type: z.enum([...TYPES, 'external']),
  name: z.string(),
  email: z.string().nullable(),
  status: z.enum(STATUSES),
  currency: z.string(),
  timezone: z.string(),
  credit_limit: s.printedMoney(),
  balance: s.printedMoney(),
  held: s.printedMoney(),
  available: s.printedMoney(),
  caps: CapsAnswer.nullable(),
  reserve_price: s.printedMoney().nullable(),
  low_balance: s.printedMoney().nullable(),
  funds: z
    .enum(FUNDS_STATES)
    .nullable()
    .meta({ description: 'Of a buyer: paused while it has nothing to spend, low below its low_balance' }),
  ...s.printedStored,
})

const ROLE: Record<Exclude<AccountType, 'external'>, Role> = { operator: 'admin', buyer: 'buyer', seller: 'seller' }

/** Its caps, its reserve and when it is to be told; throws 422 for what its type has no use for. */
function readMarket(
  {
    caps,
    reserve_price: reserve,
    low_balance: low,
  }: Pick<z.output<typeof Patch>, 'caps' | 'reserve_price' | 'low_balance'>,
  type: AccountType,
  current: AccountCaps | null,
): Pick<Account, 'caps' | 'reservePriceMicros' | 'lowBalanceMicros'> {
  if (caps && type !== 'buyer' && type !== 'seller')
    throw invalid('/caps', 'only buyers and sellers have caps', 'wrong_type')
  if (reserve != null && type !== 'seller') throw invalid('/reserve_price', 'only a seller has a reserve', 'wrong_type')
  if (low != null && type !== 'buyer') throw invalid('/low_balance', 'only a buyer runs low', 'wrong_type')
  return {
    ...(caps !== undefined && { caps: caps && mergeCaps(caps, current ?? NO_CAPS) }),
    ...(reserve !== undefined && { reservePriceMicros: reserve }),
    ...(low !== undefined && { lowBalanceMicros: low }),
  }
}

/** Accounts: made and limited by the house; their owners may rename them, move their zone and change their password. */
export function accountEndpoints(kit: Kit): Endpoint[] {
  const { stores, passwords } = kit
  const print = (account: Account): z.input<typeof AccountAnswer> => ({
    id: account.id,
    type: account.type,
    name: account.name,
    email: account.email,
    status: account.status,
    currency: account.currency,
    timezone: account.timezone,
    credit_limit: s.printMoney(account.creditLimitMicros),
    balance: s.printMoney(kit.balances.balanceMicros(account.id)),
    held: s.printMoney(kit.balances.heldMicros(account.id)),
    available: s.printMoney(kit.balances.availableMicros(account.id)),
    caps: account.caps ? { ...account.caps } : null,
    reserve_price: s.printMoney(account.reservePriceMicros ?? null),
    low_balance: s.printMoney(account.lowBalanceMicros ?? null),
    funds: account.type === 'buyer' ? fundsState(account, kit.balances.balanceMicros(account.id)) : null,
    ...s.printStored(account),
  })

  async function find(caller: Caller, id: string): Promise<Account> {
    const account = maySee(caller, id as AccountId) ? await stores.accounts.find(id) : null
    return account ?? fail(notFound('account'))
  }

  async function create(body: z.output<typeof Create>): Promise<Account> {
    const { email = null, password } = body
    if (password !== undefined && email === null)
      throw invalid('/email', 'a password needs an email to log in with', 'required')
    if (password !== undefined && (await stores.users.findByEmail(email!))) throw emailTaken()
    const account = await stores.accounts.create({
      type: body.type,
      name: body.name,
      email,
      status: body.status,
      currency: body.currency,
      timezone: body.timezone,
      creditLimitMicros: body.credit_limit,
      ...readMarket(body, body.type, null),
    })
    if (password === undefined) return account
    try {
      const passwordHash = await passwords.hash(password)
      await stores.users.create({ accountId: account.id, email: email!, role: ROLE[body.type], passwordHash })
      return account
    } catch (error) {
      // Somebody took the email in between, or the store went: an account nobody can log in to must not stay.
      await stores.accounts
        .remove(account.id)
        .catch((left: unknown) => kit.log.warn({ error: left }, 'half-made account left'))
      throw error instanceof StoreConflict ? emailTaken() : error
    }
  }

  async function changePassword(caller: Caller, account: Account, password: string): Promise<void> {
    const ownId = caller.accountId === account.id ? caller.userId : null
    const user = ownId
      ? await stores.users.find(ownId)
      : account.email === null
        ? null
        : await stores.users.findByEmail(account.email)
    if (user?.accountId !== account.id) throw invalid('/password', 'the account has no user to log in as', 'no_user')
    await stores.users.setPassword(user.id, await passwords.hash(password))
    await stores.refreshTokens.removeAllOf(user.id) // Whoever knew the old one is out.
  }

  const common = { tag: 'accounts' } as const
  return [
    endpoint({
      ...common,
      method: 'post',
      path: '/accounts',
      who: ADMIN,
      summary: 'Open an account; with a password, also its user',
      body: Create,
      answers: { 201: AccountAnswer },
      async handle({ body }) {
        const account = await create(body)
        const headers = { location: `/api/v1/accounts/${account.id}` }
        return { status: 201, body: print(account), version: account.version, headers }
      },
    }),
    endpoint({
      ...common,
      method: 'get',
      path: '/accounts',
      who: EVERYONE,
      summary: 'List accounts; others than administrators see their own',
      query: z.strictObject({ ...s.pageQuery, status: z.enum(STATUSES).optional() }),
      answers: { 200: s.pageOf(AccountAnswer) },
      async handle({ caller, query }) {
        if (caller.role !== 'admin') {
          const own = await find(caller, caller.accountId)
          return { status: 200, body: { data: [print(own)], next_cursor: null } }
        }
        const filter = query.status ? { status: query.status } : {}
        const page = await stores.accounts.list(kit.cursors.request('accounts', query), filter)
        return { status: 200, body: kit.cursors.answer('accounts', page, print) }
      },
    }),
    endpoint({
      ...common,
      method: 'get',
      path: '/accounts/{id}',
      who: EVERYONE,
      summary: 'Read an account, with its balance',
      answers: { 200: AccountAnswer },
      async handle({ caller, params }) {
        // No ETag answered by 304 here: the balance changes without the version. If-Match still works by `version`.
        const account = await find(caller, params['id']!)
        return { status: 200, body: print(account), headers: { etag: `"${account.version}"` } }
      },
    }),
    endpoint({
      ...common,
      method: 'patch',
      path: '/accounts/{id}',
      who: EVERYONE,
      summary: 'Change an account; status and credit are the house’s to change',
      body: Patch,
      answers: { 200: AccountAnswer },
      async handle({ caller, params, body, ifMatch }) {
        const current = await find(caller, params['id']!)
        if (caller.role !== 'admin' && (body.status !== undefined || body.credit_limit !== undefined)) {
          throw new Problem('forbidden', 'Only an administrator changes the status or the credit limit.')
        }
        if (current.id === kit.house.operatorId && body.status !== undefined && body.status !== 'active') {
          throw new Problem('conflict', 'The house’s own account stays active.')
        }
        const version = requireMatch(ifMatch, current.version)
        await requireEmailFree(kit, current, body.email)
        const changes = given({
          name: body.name,
          email: body.email,
          status: body.status,
          timezone: body.timezone,
          creditLimitMicros: body.credit_limit,
          ...readMarket(body, current.type, current.caps ?? null),
        })
        const changed = await stores.accounts.update(current.id, changes, version)
        if (!changed) throw notFound('account')
        kit.authenticator.forget()
        if (body.password !== undefined) await changePassword(caller, current, body.password)
        return { status: 200, body: print(changed), version: changed.version }
      },
    }),
  ]
}

/** The email of an account with a user is how that user logs in: it stays until users can be changed by themselves. */
async function requireEmailFree(kit: Kit, current: Account, email: string | null | undefined): Promise<void> {
  if (email === undefined || email === current.email || current.email === null) return
  const user = await kit.stores.users.findByEmail(current.email)
  if (user?.accountId !== current.id) return
  const detail = 'A user logs in with this email; it cannot change.'
  throw new Problem('conflict', detail, { errors: [{ pointer: '/email', detail, code: 'conflict' }] })
}

function emailTaken(): Problem {
  const detail = 'Another user logs in with this email.'
  return new Problem('conflict', detail, { errors: [{ pointer: '/email', detail, code: 'conflict' }] })
}

function fail(error: Error): never {
  throw error
}
