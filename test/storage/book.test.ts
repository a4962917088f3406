import assert from 'node:assert/strict'
import { once, EventEmitter } from 'node:events'
import type { BookChange } from '../../model/book.ts'
import { ANY_CALL } from '../../model/bid.ts'
import type { Bid } from '../../model/bid.ts'

import { newId } from '../../model/ids.ts'
import type { PhoneNumber } from '../../model/phone-number.ts'
import type { Draft } from '../../api/needs.ts'
import { accountDraft, createBuyer, depositOf } from '../support/drafts.ts'
import { createDatabase, openTestStorage } from '../support/storage.ts'
import type { TestStorage } from '../support/storage.ts'
import { openHeldBook } from '../support/held-book.ts'

describe('the book', () => {
  let databaseUrl: string
  const opened: TestStorage[] = []
  const open = async (overrides = {}): Promise<TestStorage> => {
    const storage = await openTestStorage({ databaseUrl, ...overrides })
    opened.push(storage)
    return storage
  }
  beforeEach(async () => {
    databaseUrl = await createDatabase()
  })
  afterEach(async () => {
    for (const storage of opened.splice(0)) await storage.close()
  })

  it('has a write before the write resolves', async () => {
    const storage = await open()
    await storage.book.load(() => {})
    const account = await storage.stores.accounts.create(accountDraft())
    assert.deepEqual(storage.changes, [{ kind: 'account', id: account.id, value: account }])
    const changed = await storage.stores.accounts.update(account.id, { name: 'Other' }, account.version)
    assert.deepEqual(storage.changes[1], { kind: 'account', id: account.id, value: changed })
    assert.equal(await storage.stores.accounts.remove(account.id), true)
    assert.deepEqual(storage.changes[2], { kind: 'account', id: account.id, value: null })
    assert.equal(await storage.stores.accounts.remove(account.id), false)
    assert.equal(storage.changes.length, 3)
  })

  it('lists no change for a write that was refused', async () => {
    const storage = await open()
    await storage.book.load(() => {})
    const account = await storage.stores.accounts.create(accountDraft({ email: 'a@example.com' }))
    await assert.rejects(storage.stores.accounts.create(accountDraft({ email: 'A@example.com' })), {
      name: 'StoreConflict',
      field: 'email',
    })
    await assert.rejects(storage.stores.accounts.update(account.id, { name: 'x' }, 7), { name: 'VersionMismatch' })
    assert.equal(await storage.stores.accounts.update(newId(), { name: 'x' }, null), null)
    assert.equal(storage.book.version, 1)
  })

  it('hears of what another process wrote', async () => {
    const [one, heard] = [await open(), new EventEmitter()]
    const other = await open({ onBookChange: (change: BookChange) => heard.emit('change', change) })
    await other.book.load(() => {})
    const change = once(heard, 'change')
    const account = await one.stores.accounts.create(accountDraft())
    assert.deepEqual(await change, [{ kind: 'account', id: account.id, value: account }])
  })

  it('is the same in two processes that write at once', async () => {
    const [one, two] = await Promise.all([openHeldBook(databaseUrl), openHeldBook(databaseUrl)])
    opened.push(one.storage, two.storage)
    const { account, campaign, target } = await createBuyer(one.storage.stores)
    const draft = (n: number): Draft<Bid> => ({
      accountId: account.id,
      campaignId: campaign.id,
      targetId: target.id,
      callId: null,
      amountMicros: BigInt(n) * 10_000n,
      billableAfter: 30,
      criteria: ANY_CALL,
      maxConcurrentCalls: null,
      status: 'active',
    })
    const write = async (held: typeof one, n: number): Promise<void> => {
      const { bids } = held.storage.stores
      const bid = await bids.create(draft(n))
      assert.deepEqual(held.values.get(bid.id), bid, 'its own process has it at once')
      if (n % 3 === 0) await bids.update(bid.id, { amountMicros: 1n }, null)
      if (n % 5 === 0) await bids.remove(bid.id)
    }
    await Promise.all(Array.from({ length: 200 }, (_, n) => write(n % 2 ? one : two, n + 1)))
    await Promise.all([one.storage.book.catchUp(), two.storage.book.catchUp()])
    assert.deepEqual(one.sorted(), two.sorted())
    assert.equal(one.kinds('bid').length, 160)
    const fresh = await openHeldBook(databaseUrl)
    opened.push(fresh.storage)
    assert.deepEqual(fresh.sorted(), one.sorted())
    assert.equal(fresh.storage.book.version, one.storage.book.version)
  })

  it('announces deposits, and do-not-call numbers in chunks', async () => {
    const storage = await open()
    await storage.book.load(() => {})
    const numbers = Array.from({ length: 12_000 }, (_, i) => `+1212555${String(i).padStart(5, '0')}` as PhoneNumber)
    assert.equal(await storage.stores.dnc.add('internal', numbers, 'asked'), 12_000)
    assert.equal(await storage.stores.dnc.add('internal', [...numbers.slice(0, 10), numbers[0]!], 'asked'), 0)
    assert.deepEqual(
      storage.changes.map((change) => change.kind === 'dnc' && change.add.length),
      [5_000, 5_000, 2_000],
    )
    assert.equal(await storage.stores.dnc.remove('internal', numbers[0]!), true)
    assert.deepEqual(storage.changes.at(-1), { kind: 'dnc', list: 'internal', add: [], remove: [numbers[0]] })
  })

  it('is read anew, with what is gone, when the list of changes was cut', async () => {
    const held = await openHeldBook(databaseUrl)
    opened.push(held.storage)
    const { stores, queries, book } = held.storage
    const { account, campaign, target } = await createBuyer(stores)
    const number = '+12125550199' as PhoneNumber
    await stores.dnc.add('blocked', [number], 'abuse')
    // Changes whose listing is gone: the counter is ahead of an empty list.
    await queries.rows('delete from book_changes')
    await queries.rows('delete from campaigns where id = $1', [campaign.id])
    await queries.rows('update dnc_entries set removed_at = now()')
    await queries.rows('update book_version set version = version + 7')
    await book.catchUp()
    assert.equal(held.values.has(campaign.id), false)
    assert.equal(held.dnc('blocked').has(number), false)
    // And a list that begins after what is missing.
    await queries.rows('delete from targets where id = $1', [target.id])
    await queries.rows('update book_version set version = version + 1')
    const after = await stores.accounts.update(account.id, { name: 'After the gap' }, null)
    assert.equal(held.values.has(target.id), false)
    assert.deepEqual(held.values.get(account.id), after)
    const next = await stores.accounts.create(accountDraft())
    assert.deepEqual(held.values.get(next.id), next)
  })

  it('hands deposits made during a gap over too', async () => {
    const held = await open()
    await held.book.load(() => {})
    const { account } = await createBuyer(held.stores)
    await held.queries.rows('update book_version set version = version + 3')
    const posting = depositOf(account.id, 5_000_000n)
    await held.stores.ledger.post(posting)
    await held.book.catchUp()
    assert.deepEqual(
      held.changes.flatMap((change) => (change.kind === 'posting' ? [change.posting] : [])),
      [posting],
    )
  })

  it('listens again after its connection broke, and misses nothing', async () => {
    const changed = new EventEmitter()
    const writer = await open()
    const listener = await open({ onBookChange: (change: BookChange) => changed.emit('change', change) })
    await listener.book.load(() => {})
    const change = once(changed, 'change')
    await writer.queries.rows(
      "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'dce book' and datname = current_database()",
    )
    const account = await writer.stores.accounts.create(accountDraft())
    assert.deepEqual(await change, [{ kind: 'account', id: account.id, value: account }])
  })

  it('loads 100,000 bids and 100,000 do-not-call numbers in a few seconds', async () => {
    const storage = await open()
    const { account, campaign, target } = await createBuyer(storage.stores)
    await storage.queries.rows(
      `insert into bids (id, account_id, campaign_id, target_id, amount_micros, billable_after, criteria, status, created_at, updated_at)
       select gen_random_uuid(), $1, $2, $3, 1000000, 30, '{"verticals":["insurance"],"geography":{"states":["TX"],"cities":[],"zips":[],"circle":null},"timeWindow":null}', 'active', now(), now()
       from generate_series(1, 100000)`,
      [account.id, campaign.id, target.id],
    )
    await storage.queries.rows(
      "insert into dnc_entries (list, number, reason, added_at) select 'internal', '+1212' || (5000000 + n), 'asked', now() from generate_series(1, 100000) n",
    )
    let bids = 0
    let numbers = 0
    const start = performance.now()
    await storage.book.load((change) => {
      if (change.kind === 'bid') bids++
      if (change.kind === 'dnc') numbers += change.add.length
    })
    assert.deepEqual([bids, numbers], [100_000, 100_000])
    assert.ok(performance.now() - start < 15_000, `${performance.now() - start} ms`)
    if (process.env['SHOW']) process.stderr.write(`${performance.now() - start} ms\n`)
  })
})
