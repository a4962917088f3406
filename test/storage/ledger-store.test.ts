import assert from 'node:assert/strict'
import { newId, type PostingId } from '../../model/ids.ts'
import { EXTERNAL_ACCOUNT_ID } from '../../storage/house-accounts.ts'
import { postingRow } from '../../storage/ledger-rows.ts'
import { createBuyer, depositOf } from '../support/drafts.ts'
import { openTestStorage, type TestStorage } from '../support/storage.ts'

describe('the ledger in storage', () => {
  let storage: TestStorage
  before(async () => {
    storage = await openTestStorage()
    await storage.book.load(() => {})
  })
  after(() => storage.close())

  it('post a deposit once, however often and at once its reference comes', async () => {
    const { account } = await createBuyer(storage.stores)
    const posted = await Promise.all(
      Array.from({ length: 5 }, () => storage.stores.ledger.post(depositOf(account.id, 5_000_000n))),
    )
    assert.equal(new Set(posted.map((posting) => posting.id)).size, 1)
    const other = await createBuyer(storage.stores)
    const theirs = await storage.stores.ledger.post(depositOf(other.account.id, 1n))
    assert.notEqual(theirs.id, posted[0]!.id, 'another account’s reference is another')
    assert.equal(
      storage.changes.filter((change) => change.kind === 'posting' && change.posting.id === posted[0]!.id).length,
      1,
    )
    const again = await storage.stores.ledger.post({ ...theirs, reference: 'changed' })
    assert.deepEqual(again, theirs, 'an id is posted once')
  })

  it('tell the balance after each entry', async () => {
    const { account } = await createBuyer(storage.stores)
    await Promise.all(
      [1n, 2n, 3n, 4n].map((amount, i) => storage.stores.ledger.post(depositOf(account.id, amount, `r${i}`))),
    )
    const first = await storage.stores.ledger.entries(account.id, { limit: 3, cursor: null })
    const second = await storage.stores.ledger.entries(account.id, { limit: 3, cursor: first.nextCursor })
    const all = [...first.data, ...second.data].toReversed()
    let balance = 0n
    for (const entry of all) assert.equal(entry.balanceMicros, (balance += entry.amountMicros))
    assert.equal(balance, 10n)
    assert.equal(second.nextCursor, null)
  })

  it('refuse what does not balance', async () => {
    const { account } = await createBuyer(storage.stores)
    const deposit = depositOf(account.id, 5n)
    await assert.rejects(storage.stores.ledger.post({ ...deposit, entries: [deposit.entries[0]!] }), {
      name: 'AssertionError',
    })
    const unbalanced = [
      {
        id: newId<PostingId>(),
        kind: 'deposit',
        account_id: account.id,
        currency: 'USD',
        reference: 'x',
        posted_at: new Date(),
        entries: [{ account_id: account.id, amount_micros: '5' }],
      },
    ]
    await assert.rejects(
      storage.queries.rows('select post_ledger($1)', [JSON.stringify(unbalanced)]),
      /does not balance/,
    )
    assert.deepEqual((await storage.stores.ledger.entries(account.id, { limit: 5, cursor: null })).data, [])
  })

  it('post what is new of a batch, and nothing twice', async () => {
    const { account } = await createBuyer(storage.stores)
    const rows = ['a', 'b', 'c', 'd'].map((reference) => postingRow(depositOf(account.id, 5n, reference)))
    const post = async (...batch: unknown[]): Promise<number> =>
      (await storage.queries.rows('select post_ledger($1)', [JSON.stringify(batch)])).length
    assert.equal(await post(rows[1]), 1)
    assert.equal(await post(...rows.slice(0, 3)), 2)
    assert.equal(await post(...rows), 1)
    const { data } = await storage.stores.ledger.entries(account.id, { limit: 10, cursor: null })
    assert.deepEqual(
      data.map(({ posting, balanceMicros }) => [posting.reference, balanceMicros]),
      [
        ['d', 20n],
        ['c', 15n],
        ['a', 10n],
        ['b', 5n],
      ],
    )
  })

  it('refuse entries without their posting', async () => {
    const { account } = await createBuyer(storage.stores)
    await assert.rejects(
      storage.queries.rows(
        `insert into ledger_entries (posting_id, account_id, currency, amount_micros, balance_micros)
         values ($1, $2, 'USD', 5, 5), ($1, $2, 'USD', -5, 0)`,
        [newId<PostingId>(), account.id],
      ),
      { name: 'StoreConflict', message: 'refers to nothing that exists' },
    )
  })

  it('never change what is written', async () => {
    const { account } = await createBuyer(storage.stores)
    await storage.stores.ledger.post(depositOf(account.id, 5n))
    for (const table of ['ledger_entries', 'ledger_postings'])
      for (const statement of [`delete from ${table}`, `truncate ${table} cascade`])
        await assert.rejects(storage.queries.rows(statement), /append-only/, statement)
    await assert.rejects(storage.queries.rows('update ledger_entries set amount_micros = 0'), /append-only/)
    await assert.rejects(storage.queries.rows("update ledger_postings set reference = ''"), /append-only/)
  })

  it('verify: totals by currency are zero, and a meddled balance is found', async () => {
    const { account } = await createBuyer(storage.stores)
    await storage.stores.ledger.post(depositOf(account.id, 5n))
    const euros = depositOf(account.id, 7n, 'euros')
    await storage.stores.ledger.post({ ...euros, currency: 'EUR' })
    const verified = await storage.stores.ledger.verify()
    assert.deepEqual(verified.totals, [
      { currency: 'EUR', sumMicros: 0n },
      { currency: 'USD', sumMicros: 0n },
    ])
    assert.deepEqual([verified.unbalanced, verified.duplicateCalls], [[], []])
    await storage.queries.rows(
      "update account_balances set balance_micros = 8 where account_id = $1 and currency = 'EUR'",
      [account.id],
    )
    assert.deepEqual((await storage.stores.ledger.verify()).unbalanced, [`balance of ${account.id} EUR`])
    await storage.queries.rows(
      "update account_balances set balance_micros = 7 where account_id = $1 and currency = 'EUR'",
      [account.id],
    )
    const external = await storage.stores.ledger.entries(EXTERNAL_ACCOUNT_ID, { limit: 1, cursor: null })
    assert.equal(external.data[0]?.amountMicros, -7n)
  })
})
