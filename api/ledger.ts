import { z } from 'zod'
import type { DomainEvent } from '../model/events.ts'
import type { Account } from '../model/account.ts'
import { newId, type AccountId } from '../model/ids.ts'
import type { Posting } from '../model/ledger.ts'
import type { Micros } from '../model/money.ts'
import { ADMIN, endpoint, EVERYONE, type Caller, type Endpoint } from './endpoint.ts'
import { maySee, notFound, type Kit } from './kit.ts'
import { postingEvent, PostingAnswer, viewPosting } from './posting-views.ts'
import { Problem } from './problems.ts'
import * as s from './schemas.ts'

const Move = z.strictObject({ amount: s.money(1n), reference: s.text(200) })

/** Money in and out of accounts, and what moved. */
export function ledgerEndpoints(kit: Kit): Endpoint[] {
  const oneAtATime = createQueue()

  async function find(caller: Caller, id: string): Promise<Account> {
    const account = maySee(caller, id as AccountId) ? await kit.stores.accounts.find(id) : null
    if (!account) throw notFound('account')
    return account
  }

  /** Moves money between the account and the world outside; `sign` 1 in, -1 out. */
  async function move(kind: 'deposit' | 'payout', account: Account, amount: Micros, reference: string) {
    if (account.type === 'external')
      throw new Problem('conflict', 'The outside world has no deposits or payouts of its own.')
    if (kind === 'deposit' && account.status === 'closed') throw new Problem('conflict', 'The account is closed.')
    const signed = kind === 'deposit' ? amount : -amount
    const wanted: Posting = {
      id: newId(kit.clock),
      kind,
      callId: null,
      currency: account.currency,
      reference,
      entries: [
        { accountId: account.id, amountMicros: signed },
        { accountId: kit.house.externalId, amountMicros: -signed },
      ],
      postedAt: new Date(kit.clock.now()),
    }
    let announced: DomainEvent | undefined
    const posting = await kit.stores.ledger.post(wanted, (balanceOf) => {
      announced = postingEvent(kit, account, viewPosting(account.id, wanted, signed, balanceOf(account.id)))
      return [announced]
    })
    const mine = posting.entries.find((entry) => entry.accountId === account.id)?.amountMicros
    if (mine !== signed) {
      const detail = `The reference belongs to a ${kind} of another amount.`
      throw new Problem('conflict', detail, { errors: [{ pointer: '/reference', detail, code: 'conflict' }] })
    }
    const isNew = posting.id === wanted.id
    const balance = kit.balances.balanceMicros(account.id)
    const body = viewPosting(account.id, posting, signed, balance)
    if (announced) kit.events.publish(announced)
    return { status: isNew ? 201 : 200, body }
  }

  const common = { tag: 'ledger', method: 'post', who: ADMIN, body: Move } as const
  return [
    endpoint({
      ...common,
      path: '/accounts/{id}/deposits',
      summary: 'Record money received; the same reference again changes nothing',
      answers: { 201: PostingAnswer, 200: PostingAnswer },
      async handle({ caller, params, body }) {
        return move('deposit', await find(caller, params['id']!), body.amount, body.reference)
      },
    }),
    endpoint({
      ...common,
      path: '/accounts/{id}/payouts',
      summary: 'Record money paid out, at most what is in the account and not held',
      answers: { 201: PostingAnswer, 200: PostingAnswer },
      async handle({ caller, params, body }) {
        const account = await find(caller, params['id']!)
        // Two payouts at once must not both see the same money.
        return oneAtATime(account.id, async () => {
          const free = kit.balances.balanceMicros(account.id) - kit.balances.heldMicros(account.id)
          const known = await alreadyPaid(kit, account.id, body.reference)
          if (!known && body.amount > free) {
            throw new Problem('insufficient_funds', `At most ${s.printMoney(free > 0n ? free : 0n)} can be paid out.`)
          }
          return move('payout', account, body.amount, body.reference)
        })
      },
    }),
    endpoint({
      method: 'get',
      tag: 'ledger',
      path: '/accounts/{id}/ledger',
      who: EVERYONE,
      summary: 'List the account’s entries, newest first, with the balance after each',
      query: z.strictObject(s.pageQuery),
      answers: { 200: s.pageOf(PostingAnswer) },
      async handle({ caller, params, query }) {
        const account = await find(caller, params['id']!)
        const list = `ledger ${account.id}`
        const page = await kit.stores.ledger.entries(account.id, kit.cursors.request(list, query))
        const body = kit.cursors.answer(list, page, (entry) =>
          viewPosting(account.id, entry.posting, entry.amountMicros, entry.balanceMicros),
        )
        return { status: 200, body }
      },
    }),
  ]
}

/** Whether one of the account's latest payouts has this reference: then the store answers with it and nothing moves. */
async function alreadyPaid(kit: Kit, id: AccountId, reference: string): Promise<boolean> {
  const page = await kit.stores.ledger.entries(id, { limit: s.MAX_PAGE, cursor: null })
  return page.data.some(({ posting }) => posting.kind === 'payout' && posting.reference === reference)
}

/** Runs tasks of one key after one another, those of different keys side by side. */
function createQueue(): <T>(key: string, task: () => Promise<T>) => Promise<T> {
  const tails = new Map<string, Promise<unknown>>()
  return (key, task) => {
    const run = (tails.get(key) ?? Promise.resolve()).then(task)
    const tail = run.then(
      () => undefined,
      () => undefined,
    )
    tails.set(key, tail)
    void tail.then(() => tails.get(key) === tail && tails.delete(key))
    return run
  }
}
