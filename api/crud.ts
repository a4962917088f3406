import { z } from 'zod'
import type { Account, AccountType, Role, Stored } from '../model/account.ts'
import type { DomainEvent } from '../model/events.ts'
import type { AccountId } from '../model/ids.ts'
import type { Currency } from '../model/money.ts'
import { endpoint, type Caller, type Endpoint } from './endpoint.ts'
import { maySee, notFound, ownerOf, type Kit } from './kit.ts'
import type { Draft, Store } from './needs.ts'
import { requireMatch } from './preconditions.ts'
import { pageOf, pageQuery, id } from './schemas.ts'

interface Owned extends Stored {
  readonly id: string
  readonly accountId: AccountId
}

/** What is particular to one kind of thing an account owns; everything else is the same for all. */
export interface Plan<T extends Owned, C extends z.ZodType, P extends z.ZodType> {
  /** The address and tag: `targets`. */
  readonly name: string
  readonly noun: string
  readonly store: Store<T>
  readonly who: readonly Role[]
  readonly ownerTypes: readonly AccountType[]
  readonly bare?: boolean
  /** What `?status=` may ask for; absent: nothing of this kind has a status. */
  readonly statuses?: readonly string[]
  readonly create: C
  readonly patch: P
  readonly answer: z.ZodType
  /** Whose a new thing is; `account_id` or the caller's unless given. */
  readonly owner?: (body: z.output<C>, caller: Caller) => Promise<Account>
  /** The new thing's fields; throws a Problem for what the schema cannot see. */
  readonly draft: (body: z.output<C>, owner: Account, caller: Caller) => Draft<T> | Promise<Draft<T>>
  readonly changes: (body: z.output<P>, current: T, caller: Caller) => Partial<Draft<T>> | Promise<Partial<Draft<T>>>
  /** `currency` is its account's: the one its money is in. */
  readonly print: (thing: T, currency: Currency) => unknown
  /** What is announced of a new one, in its transaction and then to those who listen. */
  readonly announce?: (thing: T, currency: Currency) => DomainEvent
  /** Throws a Problem for a thing that is not to stay; it has then taken it back, and those who listen are not told of it. */
  readonly created?: (thing: T) => Promise<void>
  /** Called before one goes: what is kept of it says by whom. */
  readonly removing?: (thing: T, caller: Caller) => Promise<void>
}

/** The five endpoints of a kind: POST and GET on the list, GET, PATCH and DELETE on one. */
export function crud<T extends Owned, C extends z.ZodType, P extends z.ZodType>(
  kit: Kit,
  plan: Plan<T, C, P>,
): Endpoint[] {
  const { name, noun, store, who } = plan
  const currencies = new Map<AccountId, Currency>()
  const common = { tag: name, who, ...(plan.bare ? { bare: true } : {}) }
  const one = `/${name}/{id}`
  const ListQuery = z.strictObject({
    ...pageQuery,
    account_id: id<AccountId>().optional(),
  })
  const StatusQuery = plan.statuses && ListQuery.extend({ status: z.enum(plan.statuses).optional() })

  /** What the account's money is in, which never changes: asked for once. */
  async function currencyOf(accountId: AccountId): Promise<Currency> {
    const known = currencies.get(accountId)
    if (known !== undefined) return known
    const account = await kit.stores.accounts.find(accountId)
    if (!account) throw notFound('account')
    currencies.set(accountId, account.currency)
    return account.currency
  }

  const print = async (thing: T): Promise<unknown> => plan.print(thing, await currencyOf(thing.accountId))

  async function find(caller: Caller, thingId: string): Promise<T> {
    const thing = await store.find(thingId)
    if (!thing || !maySee(caller, thing.accountId)) throw notFound(noun)
    return thing
  }

  return [
    endpoint({
      ...common,
      method: 'post',
      path: `/${name}`,
      summary: `Create a ${noun}`,
      body: plan.create,
      answers: { 201: plan.answer },
      async handle({ caller, body }) {
        const owner = plan.owner
          ? await plan.owner(body, caller)
          : await ownerOf(kit, caller, (body as { account_id?: AccountId }).account_id, plan.ownerTypes)
        const { announce } = plan
        let announced: DomainEvent | undefined
        const thing = await store.create(
          await plan.draft(body, owner, caller),
          announce && ((made) => (announced = announce(made, owner.currency))),
        )
        await plan.created?.(thing)
        if (announced) kit.events.publish(announced)
        const headers = { location: `/api/v1/${name}/${thing.id}` }
        return { status: 201, body: plan.print(thing, owner.currency), version: thing.version, headers }
      },
    }),
    endpoint({
      ...common,
      method: 'get',
      path: `/${name}`,
      summary: `List ${name}, newest first`,
      query: StatusQuery ?? ListQuery,
      answers: { 200: pageOf(plan.answer) },
      async handle({ caller, query }) {
        const accountId = caller.role === 'admin' ? query.account_id : caller.accountId
        if (query.account_id && query.account_id !== accountId)
          return { status: 200, body: { data: [], next_cursor: null } }
        const page = await store.list(kit.cursors.request(name, query), {
          ...(accountId ? { accountId } : {}),
          ...('status' in query && typeof query.status === 'string' ? { status: query.status } : {}),
        })
        const data: unknown[] = []
        for (const thing of page.data) data.push(await print(thing)) // In turn: an account is asked for once.
        return { status: 200, body: kit.cursors.answer(name, { ...page, data }, (printed) => printed) }
      },
    }),
    endpoint({
      ...common,
      method: 'get',
      path: one,
      summary: `Read a ${noun}`,
      answers: { 200: plan.answer },
      async handle({ caller, params }) {
        const thing = await find(caller, params['id']!)
        return { status: 200, body: await print(thing), version: thing.version }
      },
    }),
    endpoint({
      ...common,
      method: 'patch',
      path: one,
      summary: `Change a ${noun}; what is left out stays`,
      body: plan.patch,
      answers: { 200: plan.answer },
      async handle({ caller, params, body, ifMatch }) {
        const current = await find(caller, params['id']!)
        const version = requireMatch(ifMatch, current.version)
        const changed = await store.update(current.id, await plan.changes(body, current, caller), version)
        if (!changed) throw notFound(noun)
        return { status: 200, body: await print(changed), version: changed.version }
      },
    }),
    endpoint({
      ...common,
      method: 'delete',
      path: one,
      summary: `Delete a ${noun}; 409 while something else needs it`,
      answers: { 204: 'Gone' },
      async handle({ caller, params, ifMatch }) {
        const current = await find(caller, params['id']!)
        requireMatch(ifMatch, current.version)
        await plan.removing?.(current, caller)
        if (!(await store.remove(current.id))) throw notFound(noun)
        return { status: 204 }
      },
    }),
  ]
}

/** Only what was given: a PATCH's undefined must not overwrite. */
export function given<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>
  }
}
