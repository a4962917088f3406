import assert from 'node:assert/strict'
import fc from 'fast-check'
import pg from 'pg'
import { issueInvoices } from '../../accounts/issue-invoices.ts'
import { newId, type AccountId, type PostingId } from '../../model/ids.ts'
import type { Invoice } from '../../model/invoice.ts'
import { EXTERNAL_ACCOUNT_ID } from '../../storage/house-accounts.ts'
import { accountDraft } from '../support/drafts.ts'
import { openTestStorage, type TestStorage } from '../support/storage.ts'

const at = (text: string): Date => new Date(text)

/** Nobody can issue an invoice until `done`: whoever does waits at its end. */
async function lockInvoices(connectionString: string): Promise<{ client: pg.Client; done: () => Promise<void> }> {
  const client = new pg.Client({ connectionString })
  await client.connect()
  await client.query('begin; lock table invoices in share row exclusive mode')
  return { client, done: async () => client.end() }
}

/** As a zone that this program's Node does not know any more would be found. */
async function storeZone(connectionString: string, id: AccountId, zone: string): Promise<pg.QueryResult> {
  const client = new pg.Client({ connectionString })
  await client.connect()
  const result = await client.query('update accounts set timezone = $2 where id = $1', [id, zone])
  await client.end()
  return result
}

describe('invoices', () => {
  let storage: TestStorage
  before(async () => {
    storage = await openTestStorage()
    await storage.book.load(() => {})
  })
  after(() => storage.close())

  const account = async (): Promise<AccountId> =>
    (await storage.stores.accounts.create({ ...accountDraft(), type: 'buyer', timezone: 'America/New_York' })).id

  async function deposit(accountId: AccountId, amountMicros: bigint, postedAt: Date): Promise<PostingId> {
    const id = newId<PostingId>()
    const entries = [
      { accountId, amountMicros },
      { accountId: EXTERNAL_ACCOUNT_ID, amountMicros: -amountMicros },
    ]
    await storage.stores.ledger.post({
      id,
      kind: 'deposit',
      callId: null,
      currency: 'USD',
      reference: id,
      entries,
      postedAt,
    })
    return id
  }

  const invoicesOf = async (id: AccountId): Promise<Invoice[]> =>
    (await storage.stores.invoices.list(id, { limit: 1000, cursor: null })).data.toReversed()
  async function referencesOf(invoice: Invoice): Promise<string[]> {
    const references: string[] = []
    for await (const lines of storage.stores.invoices.lines(invoice))
      references.push(...lines.map(({ reference }) => reference))
    return references
  }

  it('close each month that is over, on the account’s clocks, an hour after its end', async () => {
    const id = await account()
    const first = await deposit(id, 5_000_000n, at('2026-08-31T23:00:00-04:00'))
    const second = await deposit(id, 7_000_000n, at('2026-09-01T00:00:00-04:00'))
    await issueInvoices(storage.invoices, at('2026-09-01T00:59:59-04:00'))
    assert.deepEqual(await invoicesOf(id), [])
    await issueInvoices(storage.invoices, at('2026-10-01T01:00:00-04:00'))
    const [august, september, ...none] = await invoicesOf(id)
    assert.deepEqual(none, [])
    assert.deepEqual([august!.period, august!.openingMicros, august!.closingMicros], ['2026-08', 0n, 5_000_000n])
    assert.deepEqual(september!.totals, { deposit: { count: 1, amountMicros: 7_000_000n } })
    assert.deepEqual([september!.openingMicros, september!.closingMicros], [5_000_000n, 12_000_000n])
    assert.equal(september!.number, august!.number + 1)
    assert.deepEqual([await referencesOf(august!), await referencesOf(september!)], [[first], [second]])
    assert.equal(await issueInvoices(storage.invoices, at('2026-10-31T12:00:00-04:00')), 0, 'each once')
  })

  it('leave out a month in which nothing moved', async () => {
    const id = await account()
    await deposit(id, 1n, at('2026-01-15T12:00:00Z'))
    await issueInvoices(storage.invoices, at('2026-04-15T12:00:00Z'))
    await deposit(id, 1n, at('2026-05-15T12:00:00Z'))
    await issueInvoices(storage.invoices, at('2026-07-15T12:00:00Z'))
    assert.deepEqual(
      (await invoicesOf(id)).map(({ period }) => period),
      ['2026-01', '2026-05'],
    )
  })

  it('have what was written too late in the next, and what came early in its own', async () => {
    const id = await account()
    await deposit(id, 1_000_000n, at('2026-03-10T12:00:00Z'))
    const early = await deposit(id, 2_000_000n, at('2026-04-02T12:00:00Z'))
    await issueInvoices(storage.invoices, at('2026-04-05T12:00:00Z'))
    const late = await deposit(id, 4_000_000n, at('2026-03-11T12:00:00Z'))
    await issueInvoices(storage.invoices, at('2026-05-05T12:00:00Z'))
    const [march, april] = await invoicesOf(id)
    assert.equal(march!.closingMicros, 1_000_000n)
    assert.deepEqual(await referencesOf(april!), [early, late])
    assert.equal(april!.closingMicros, 7_000_000n)
    assert.equal((await referencesOf(march!)).length, 1, 'it reads as it was issued')
  })

  it('are numbered without a gap and issued once, however many issue at once, and never change', async () => {
    const ids = await Promise.all(Array.from({ length: 5 }, account))
    for (const id of ids) await deposit(id, 3n, at('2026-06-10T12:00:00Z'))
    const counts = await Promise.all(
      Array.from({ length: 4 }, () => issueInvoices(storage.invoices, at('2026-07-20T12:00:00Z'))),
    )
    assert.equal(
      counts.reduce((sum, count) => sum + count, 0),
      5,
    )
    const rows = await storage.queries.rows('select number from invoices order by number')
    assert.deepEqual(
      rows.map(({ number }) => Number(number)),
      rows.map((_, index) => index + 1),
    )
    await assert.rejects(storage.queries.rows('update invoices set closing_micros = 0'), /append-only/)
  })

  it('let calls be posted while a month is counted, and leave those to the next', async () => {
    const id = await account()
    const first = await deposit(id, 5n, at('2026-01-10T12:00:00Z'))
    const { client, done } = await lockInvoices(storage.options.databaseUrl!)
    const issuing = issueInvoices(storage.invoices, at('2026-02-10T12:00:00Z'))
    const isCounted = async (): Promise<boolean> =>
      (await client.query("select 1 from pg_locks where not granted and relation = 'invoices'::regclass")).rowCount! > 0
    while (!(await isCounted())) await new Promise((resolve) => setTimeout(resolve, 10))
    const meanwhile = await deposit(id, 7n, at('2026-01-11T12:00:00Z'))
    await done()
    await issuing
    await issueInvoices(storage.invoices, at('2026-03-10T12:00:00Z'))
    const [january, february] = await invoicesOf(id)
    assert.deepEqual([await referencesOf(january!), await referencesOf(february!)], [[first], [meanwhile]])
    assert.deepEqual([january!.closingMicros, february!.closingMicros], [5n, 12n])
  })

  it('are issued to the others where one account’s cannot be, which is said', async () => {
    const ids = await Promise.all([account(), account(), account()])
    for (const id of ids) await deposit(id, 3n, at('2026-01-10T12:00:00Z'))
    const [failing] = await storage.invoices.unbilled()
    const { rowCount } = await storeZone(storage.options.databaseUrl!, failing!.accountId, 'Nowhere/Lost')
    assert.equal(rowCount, 1)
    await assert.rejects(issueInvoices(storage.invoices, at('2026-02-10T12:00:00Z')), /Nowhere/)
    const left = await storage.invoices.unbilled()
    assert.deepEqual(
      left.map(({ accountId }) => accountId),
      [failing!.accountId],
    )
    await storeZone(storage.options.databaseUrl!, failing!.accountId, 'America/New_York')
    assert.equal(await issueInvoices(storage.invoices, at('2026-02-10T12:00:00Z')), 1)
  })

  it('read more lines than one look gives', async () => {
    const id = await account()
    const entries = Array.from({ length: 1203 }, (_, index) => ({
      id: newId(),
      kind: 'deposit',
      account_id: id,
      currency: 'USD',
      reference: `r${index}`,
      posted_at: '2026-02-10T12:00:00Z',
      entries: [
        { account_id: id, amount_micros: '1' },
        { account_id: EXTERNAL_ACCOUNT_ID, amount_micros: '-1' },
      ],
    }))
    await storage.queries.rows('select post_ledger($1)', [JSON.stringify(entries)])
    await issueInvoices(storage.invoices, at('2026-03-10T12:00:00Z'))
    const [invoice] = await invoicesOf(id)
    assert.equal(new Set(await referencesOf(invoice!)).size, 1203)
  })

  it('have every entry exactly once and add up to the balance, whenever they came and were closed (60 cases)', async () => {
    const day = fc.integer({ min: 0, max: 200 })
    const events = fc.oneof(
      fc.record({ kind: fc.constant('post' as const), day, amount: fc.bigInt({ min: 1n, max: 1000n }) }),
      fc.record({ kind: fc.constant('close' as const), day }),
    )
    const epoch = at('2026-01-01T12:00:00Z').getTime()
    await fc.assert(
      fc.asyncProperty(fc.array(events, { minLength: 1, maxLength: 12 }), async (steps) => {
        const id = await account()
        const posted = new Set<string>()
        let sum = 0n
        let closed = 0
        for (const step of [...steps, { kind: 'close' as const, day: 300 }]) {
          const moment = new Date(epoch + step.day * 86_400_000)
          if (step.kind === 'close') {
            closed = Math.max(closed, step.day) // Time goes forward.
            await issueInvoices(storage.invoices, new Date(epoch + closed * 86_400_000))
          } else {
            posted.add(await deposit(id, step.amount, moment))
            sum += step.amount
          }
        }
        const invoices = await invoicesOf(id)
        const seen = (await Promise.all(invoices.map(referencesOf))).flat()
        assert.equal(seen.length, posted.size)
        assert.deepEqual(new Set(seen), posted)
        assert.equal(invoices.at(-1)?.closingMicros ?? 0n, sum)
        for (const [index, invoice] of invoices.entries())
          assert.equal(invoice.openingMicros, invoices[index - 1]?.closingMicros ?? 0n)
      }),
      { numRuns: 60 },
    )
  })
})
