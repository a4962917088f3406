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
    const { balances } = kit
    // What the database has not been told of yet is counted here.
    const knownMicros = balances.balanceMicros(account.id) + signed
    let announced: DomainEvent | undefined
    const posting = await kit.stores.ledger.post(wanted, (balanceOf) => {
      // Here the book is locked: whatever else pays out, such as a run, has been counted or waits.
      const balance = balanceOf(account.id)
      const left = (knownMicros < balance ? knownMicros : balance) - balances.heldMicros(account.id)
      if (kind === 'payout' && left < 0n) {
        const most = left + amount
        throw new Problem('insufficient_funds', `At most ${s.printMoney(most > 0n ? most : 0n)} can be paid out.`)
      }
      announced = postingEvent(kit, account, viewPosting(account.id, wanted, signed, balance))
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
        return move('payout', await find(caller, params['id']!), body.amount, body.reference)
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
