import assert from 'node:assert/strict'
import { eventsOfFunds, fundsState } from '../../accounts/funds.ts'
import type { Account } from '../../model/account.ts'
import { unpackEvents } from '../../storage/outbox-body.ts'
import { accountDraft, depositOf } from '../support/drafts.ts'
import { BUYER, callRecord, endedRecord, insertAccounts, soldRecord } from '../support/records.ts'
import { openTestStorage, type TestStorage } from '../support/storage.ts'

const DOLLAR = 1_000_000n

describe('what buyers are told of their funds', () => {
  let storage: TestStorage
  before(async () => {
    storage = await openTestStorage()
    await storage.book.load(() => {})
  })
  after(() => storage.close())

  /** What is said now, to whom, by type. */
  const say = async (account: Pick<Account, 'id'>): Promise<string[]> =>
    (await storage.funds.update(new Date(), eventsOfFunds))
      .filter(({ audience }) => audience.buyerPayloads?.has(account.id))
      .map(({ type }) => type)
  let references = 0
  const move = (account: Account, micros: bigint) =>
    storage.stores.ledger.post(depositOf(account.id, micros, `move ${++references}`))
  const open = (changes: Partial<Account> = {}) => storage.stores.accounts.create(accountDraft(changes))

  it('is said once at each crossing, and again only after there was enough in between', async () => {
    const buyer = await open({ lowBalanceMicros: 50n * DOLLAR })
    assert.deepEqual(await say(buyer), []) // It has never had anything: nothing was crossed.
    await move(buyer, 100n * DOLLAR)
    assert.deepEqual(await say(buyer), ['account.resumed'])
    await move(buyer, -50n * DOLLAR) // As much as the line is enough.
    assert.deepEqual(await say(buyer), [])
    await move(buyer, -1n)
    assert.deepEqual(await say(buyer), ['account.balance_low'])
    await move(buyer, -10n * DOLLAR)
    assert.deepEqual(await say(buyer), [])
    await move(buyer, 20n * DOLLAR)
    assert.deepEqual(await say(buyer), [])
    await move(buyer, -20n * DOLLAR)
    assert.deepEqual(await say(buyer), ['account.balance_low'])
    await move(buyer, -40n * DOLLAR)
    assert.deepEqual(await say(buyer), ['account.paused'])
    assert.deepEqual(await say(buyer), [])
    await move(buyer, 1n * DOLLAR)
    assert.deepEqual(await say(buyer), ['account.resumed'])
  })

  it('counts credit, and is silent of low funds to a buyer that named no line', async () => {
    const buyer = await open({ creditLimitMicros: 10n * DOLLAR })
    assert.deepEqual(await say(buyer), [])
    await move(buyer, -9n * DOLLAR)
    assert.deepEqual(await say(buyer), [])
    await move(buyer, -1n * DOLLAR)
    assert.deepEqual(await say(buyer), ['account.paused'])
    await storage.stores.accounts.update(buyer.id, { creditLimitMicros: 20n * DOLLAR }, null)
    assert.deepEqual(await say(buyer), ['account.resumed'])
  })

  it('is in the outbox with what was written down, and comes of calls too', async () => {
    await insertAccounts(storage.queries)
    await storage.stores.accounts.update(BUYER, { lowBalanceMicros: 5n * DOLLAR }, null)
    await storage.stores.ledger.post(depositOf(BUYER, 10n * DOLLAR, 'for one call'))
    await say({ id: BUYER })
    const call = callRecord()
    await storage.writer.write(soldRecord(call))
    await storage.writer.write(endedRecord(call)) // $10.00
    assert.deepEqual(await say({ id: BUYER }), ['account.balance_low', 'account.paused'])
    const rows = await storage.queries.rows('select body from outbox order by id desc limit 1')
    const kept = unpackEvents(rows[0]!['body']).map((line) => JSON.parse(line))
    assert.deepEqual(
      kept.map(({ type, payload }) => [type, payload.account_id, payload.balance, payload.low_balance, payload.funds]),
      [
        ['account.balance_low', BUYER, '0.00', '5.00', 'paused'],
        ['account.paused', BUYER, '0.00', '5.00', 'paused'],
      ],
    )
  })

  it('is said by one of several that look at the same moment', async () => {
    const buyer = await open({ lowBalanceMicros: 50n * DOLLAR })
    await move(buyer, 60n * DOLLAR)
    await say(buyer)
    await move(buyer, -20n * DOLLAR)
    const said = await Promise.all(Array.from({ length: 5 }, () => say(buyer)))
    assert.deepEqual(said.flat(), ['account.balance_low'])
  })

  it('is not said when it cannot be written down', async () => {
    const buyer = await open()
    await say(buyer)
    await move(buyer, 1n * DOLLAR)
    const failing = storage.funds.update(new Date(), () => {
      throw new Error('no')
    })
    await assert.rejects(failing)
    assert.deepEqual(await say(buyer), ['account.resumed'])
  })

  it('is the same in SQL as in the API', async () => {
    const amounts = [-1n, 0n, 9_999n, 10_000n, 49_999_999n, 50_000_000n]
    for (const credit of [0n, 1n, DOLLAR])
      for (const low of [null, 1n, 50n * DOLLAR])
        for (const amount of amounts) {
          const account = await open({ creditLimitMicros: credit, lowBalanceMicros: low })
          if (amount !== 0n) await move(account, amount)
        }
    await storage.funds.update(new Date(), eventsOfFunds)
    const rows = await storage.queries.rows(
      `select f.state, a.id, coalesce(b.balance_micros, 0) as balance from account_funds f
       join accounts a on a.id = f.account_id left join account_balances b on b.account_id = a.id`,
    )
    assert.ok(rows.length >= 54)
    for (const { state, id, balance } of rows) {
      const account = (await storage.stores.accounts.find(id))!
      assert.equal(state, fundsState(account, BigInt(balance)), id)
    }
  })
})
