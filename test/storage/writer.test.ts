import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import type { CallRecord, DialogState } from '../../model/cdr.ts'
import { newId, type CallId } from '../../model/ids.ts'
import type { CallFilter } from '../../api/needs.ts'
import type { AccountId, AwardId, BidId, CampaignId, TrunkId } from '../../model/ids.ts'
import type { Queries } from '../../storage/postgres.ts'
import { PostgresRecovery } from '../../storage/recovery-store.ts'
import { BATCH_RECORDS, GROUP_COMMIT_MS, PROMPT, YIELDING_SHARE } from '../../storage/commit-lane.ts'
import { mergeRows, rowsOf } from '../../storage/record-rows.ts'
import { QUEUE_LIMIT } from '../../storage/writer.ts'
import {
  auctionOf,
  callRecord,
  DIALOG,
  endedCall,
  endedRecord,
  insertAccounts,
  postingOf,
  soldRecord,
} from '../support/records.ts'
import type { StorageOptions } from '../../storage/storage.ts'
import { openTestStorage } from '../support/storage.ts'
import type { TestStorage } from '../support/storage.ts'

/** A connection of the test's own. The caller ends it. */
async function connect(options: StorageOptions): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: options.databaseUrl! })
  await client.connect()
  return client
}

describe('the record writer', () => {
  let storage: TestStorage
  before(async () => {
    storage = await openTestStorage()
    await insertAccounts(storage.queries)
  })
  after(() => storage.close())

  it('writes a sold call with its auction, hold and dialogs, and recovery finds it open', async () => {
    const call = callRecord()
    const first = soldRecord(call)
    await storage.writer.write(first)
    const second = soldRecord(
      { ...call, state: 'answered', answeredAt: new Date() },
      { auction: first.auction, callerDialog: DIALOG, buyerDialog: DIALOG },
    )
    await storage.writer.write(second)
    const open = (await storage.recovery.openCalls()).find((found) => found.call.id === call.id)
    assert.deepEqual(open, {
      call: { ...second.call, aliveAt: second.call.answeredAt },
      sale: { terms: second.terms, hold: second.hold },
      isSold: true,
      callerDialog: DIALOG,
      buyerDialog: DIALOG,
    })
    assert.deepEqual(await storage.stores.auctions.findByCall(call.id), first.auction)
    assert.deepEqual(await storage.stores.calls.find(call.id), second.call)
    const { state, sellerId, buyerId, currency } = second.call
    assert.deepEqual(await storage.stores.calls.parties(call.id), { state, sellerId, buyerId, currency })
    assert.equal(await storage.stores.calls.parties(newId<CallId>()), null)
  })

  it('finds what is open without reading the calls that have ended', async () => {
    const plans: string[] = []
    const explained: Queries = {
      async rows(text, values) {
        const plan = await storage.queries.rows(`explain ${text}`, values)
        plans.push(...plan.map((row) => row['QUERY PLAN']))
        return storage.queries.rows(text, values)
      },
    }
    await new PostgresRecovery(explained, 'test').openCalls()
    assert.match(plans.join('\n'), / on open_calls /)
    assert.doesNotMatch(plans.join('\n'), / on calls /)
  })

  it('finds a caller who is being asked open, and then the sale that comes of it, which is none until it is answered', async () => {
    const call = callRecord({ state: 'screening' })
    const found = async () => (await storage.recovery.openCalls()).find((open) => open.call.id === call.id)
    await storage.writer.write({ kind: 'asked', call, callerDialog: DIALOG })
    assert.deepEqual(await found(), { call, sale: null, isSold: false, callerDialog: DIALOG, buyerDialog: null })

    const ringing = { ...call, state: 'ringing' as const }
    const sold = soldRecord(ringing, { callerDialog: DIALOG })
    await storage.writer.write(sold)
    const { hold, terms } = sold
    assert.deepEqual(await found(), {
      call: ringing,
      sale: { terms, hold },
      isSold: false,
      callerDialog: DIALOG,
      buyerDialog: null,
    })
    await storage.writer.write(endedRecord(ringing))
    assert.equal(await found(), undefined)
  })

  it('keeps each award of an auction, and why each bid lost: one with an award as well as one without', async () => {
    const call = callRecord()
    const auction = auctionOf(call)
    const winner = auction.awards[0]!
    const second = { ...winner, id: newId<AwardId>(), rank: 2, bidId: newId<BidId>(), buyerId: newId<AccountId>() }
    const outbid = {
      bidId: second.bidId,
      campaignId: second.campaignId,
      buyerId: second.buyerId,
      code: 'outbid',
    } as const
    const other = {
      ...outbid,
      bidId: newId<BidId>(),
      campaignId: newId<CampaignId>(),
      code: 'budget_exhausted',
    } as const
    const factors = { modifier: 1000, performance: 900, competition: 1000, pacing: 1000 }
    const third = { ...second, id: newId<AwardId>(), rank: 3, bidId: newId<BidId>(), quality: 1234 }
    const fourth = {
      ...third,
      id: newId<AwardId>(),
      rank: 4,
      bidId: newId<BidId>(),
      effective: { micros: 5n, factors },
    }
    const whole = {
      ...auction,
      strategy: 'predictive' as const,
      awards: [winner, second, third, fourth],
      nonBids: [other, outbid],
      nonBidsOmitted: 3,
    }
    await storage.writer.write(soldRecord(call, { auction: whole }))
    assert.deepEqual(await storage.stores.auctions.find(auction.id), whole)
  })

  it('reads an auction that an earlier version wrote, property by property', async () => {
    const auction = auctionOf(callRecord())
    const awards = auction.awards.map((award) => ({
      ...award,
      amountMicros: String(award.amountMicros),
      score: String(award.score),
      priceMicros: String(award.priceMicros),
    }))
    await storage.queries.rows(`insert into auctions values ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, $10, true)`, [
      auction.id,
      auction.callId,
      auction.numberId,
      auction.vertical,
      auction.currency,
      String(auction.reservePriceMicros),
      auction.priceRule,
      JSON.stringify(awards),
      JSON.stringify(auction.nonBids),
      auction.decidedAt,
    ])
    assert.deepEqual(await storage.stores.auctions.find(auction.id), { ...auction, nonBidsOmitted: 0 })
  })

  it('remembers when an open call was last alive', async () => {
    const call = callRecord()
    await storage.writer.write(soldRecord(call))
    const at = new Date(Date.now() + 5_000)
    await storage.writer.write({ kind: 'alive', callIds: [call.id, newId()], at })
    const open = (await storage.recovery.openCalls()).find((found) => found.call.id === call.id)
    assert.deepEqual(open?.call.aliveAt, at)
  })

  it('ends a call: CDR, audit and posting are there, hold and open call are gone', async () => {
    const call = callRecord()
    await storage.writer.write(soldRecord(call))
    const ended = endedRecord(call)
    await storage.writer.write(ended)
    assert.deepEqual(await storage.stores.calls.find(call.id), endedCall({ ...ended.call }) && ended.call)
    assert.ok(!(await storage.recovery.openCalls()).some((open) => open.call.id === call.id))
    assert.equal((await storage.queries.rows('select from open_calls where call_id = $1', [call.id])).length, 0)
    assert.equal((await storage.queries.rows('select from compliance_audit where call_id = $1', [call.id])).length, 1)
    const { data } = await storage.stores.ledger.entries(ended.posting!.entries[0]!.accountId, {
      limit: 1,
      cursor: null,
    })
    assert.deepEqual(data[0]?.posting, ended.posting)
  })

  it('changes nothing when every record is written twice, or late', async () => {
    const call = callRecord()
    const auction = auctionOf(call)
    const sold = { ...soldRecord(call), auction }
    const ended = endedRecord(call, { auction })
    for (const record of [sold, ended, sold, ended, { ...ended, posting: postingOf(call) }])
      await storage.writer.write(record)
    await Promise.all([sold, ended, sold].map((record) => storage.writer.write(record)))
    assert.deepEqual(await storage.stores.calls.find(call.id), ended.call)
    assert.deepEqual(await storage.stores.auctions.findByCall(call.id), ended.auction)
    assert.equal((await storage.queries.rows('select from ledger_postings where call_id = $1', [call.id])).length, 1)
    assert.equal((await storage.queries.rows('select from open_calls where call_id = $1', [call.id])).length, 0)
    const verified = await storage.stores.ledger.verify()
    assert.deepEqual(
      [verified.unbalanced, verified.duplicateCalls, verified.totals],
      [[], [], [{ currency: 'USD', sumMicros: 0n }]],
    )
  })

  it('commits many records of one moment together, each call as last written', async () => {
    const calls = Array.from({ length: 1_000 }, () => callRecord())
    await Promise.all(
      calls.flatMap((call) => [storage.writer.write(soldRecord(call)), storage.writer.write(endedRecord(call))]),
    )
    const [row] = await storage.queries.rows(
      "select count(*)::int as n from calls where id = any ($1) and state = 'ended' and awarded_at is not null",
      [calls.map((call) => call.id)],
    )
    assert.equal(row!['n'], 1_000)
    assert.deepEqual((await storage.stores.ledger.verify()).unbalanced, [])
  })

  it('never reads a whole table to write a record, however full it is', async () => {
    const scanned = async (): Promise<number> => {
      await storage.queries.rows('select pg_stat_clear_snapshot()')
      const [row] = await storage.queries.rows(
        `select sum(seq_tup_read)::int as rows from pg_stat_user_tables
         where relname in ('calls', 'auctions', 'open_calls', 'alive_marks', 'compliance_audit', 'ledger_postings')`,
      )
      return row!['rows']
    }
    // Its connection tells the statistics once it has been idle for a second, or at its next commit after one.
    const told = async (): Promise<number> => {
      await new Promise((resolve) => setTimeout(resolve, 1_200))
      await storage.writer.write(endedRecord(callRecord()))
      await new Promise((resolve) => setTimeout(resolve, 200))
      return scanned()
    }
    const before = await told()
    const calls = Array.from({ length: 20 }, () => callRecord())
    for (const call of calls) await storage.writer.write(soldRecord(call))
    for (const call of calls) await storage.writer.write(endedRecord(call))
    assert.equal(await told(), before)
  })

  it('commits sales, for which callers wait, while the ends of other calls are held up', async () => {
    await storage.writer.write(endedRecord(callRecord()))
    const other = await connect(storage.options)
    await other.query('begin')
    await other.query('select from account_balances for update')
    let hasEnded = false
    const call = callRecord()
    await storage.writer.write(soldRecord(call))
    const ending = storage.writer.write(endedRecord(call)).then(() => (hasEnded = true))
    await Promise.all(Array.from({ length: 10 }, () => storage.writer.write(soldRecord(callRecord()))))
    assert.equal(hasEnded, false)
    await other.query('rollback')
    await ending
    await other.end()
    assert.equal((await storage.stores.calls.find(call.id))?.state, 'ended')
    assert.equal(storage.writer.state(), 'database')
  })

  it('commits few ends of calls while more than a batch of sales waits', async () => {
    let sales = 0
    let ends = 0
    let endsThen = 0
    const many = 3 * BATCH_RECORDS
    await Promise.all([
      ...Array.from({ length: many }, () =>
        storage.writer.write(soldRecord(callRecord())).then(() => {
          if (++sales === 2 * BATCH_RECORDS) endsThen = ends
        }),
      ),
      ...Array.from({ length: many }, () => storage.writer.write(endedRecord(callRecord())).then(() => ends++)),
    ])
    assert.ok(endsThen <= (2 * BATCH_RECORDS) / YIELDING_SHARE, `${endsThen} ends`)
    assert.deepEqual([sales, ends], [many, many])
  })

  it('commits the second sale of a call, for which a caller waits, in the place of its first', async () => {
    const settled: string[] = []
    const write = (name: string, call: CallRecord, dialog: DialogState | null = null): Promise<void> => {
      const record = soldRecord(call, { callerDialog: dialog, buyerDialog: dialog })
      return storage.writer.write(record).then(() => void settled.push(name))
    }
    const call = callRecord()
    const writes = Array.from({ length: BATCH_RECORDS }, () => write('under way', callRecord()))
    writes.push(write('first', call))
    for (let i = 0; i < 2 * BATCH_RECORDS; i++) writes.push(write('other', callRecord()))
    writes.push(write('second', call, DIALOG))
    await Promise.all(writes)
    assert.equal(settled[BATCH_RECORDS], 'first')
    assert.equal(settled[BATCH_RECORDS + 1], 'second')
    const open = (await storage.recovery.openCalls()).find((found) => found.call.id === call.id)
    assert.deepEqual(open?.callerDialog, DIALOG)
  })

  it('changes rows in the order of their calls, so that two lanes never wait for a row of each other’s', () => {
    const calls = Array.from({ length: 20 }, () => callRecord())
    const records = [...calls.toReversed(), ...calls].map((call) => rowsOf(soldRecord(call)))
    const alive = rowsOf({ kind: 'alive', callIds: calls.map((call) => call.id).toReversed(), at: new Date() })
    const sales = mergeRows([...records, alive])
    const ends = mergeRows(calls.toReversed().map((call) => rowsOf(endedRecord(call))))
    const ids = calls.map((call) => call.id).toSorted()
    for (const rows of [sales.open_calls, sales.alive])
      assert.deepEqual(
        rows?.map((row) => row['call_id']),
        ids,
      )
    assert.deepEqual(
      ends.calls?.map((row) => row['id']),
      ids,
    )
  })

  it('forgets that a call was alive when it is rung anew: the mark was of an earlier award', async () => {
    const call = callRecord()
    const answered = soldRecord({ ...call, state: 'answered', answeredAt: new Date() })
    const openCall = async () => (await storage.recovery.openCalls()).find((found) => found.call.id === call.id)
    await storage.writer.write({ ...answered, callerDialog: DIALOG, buyerDialog: DIALOG })
    await storage.writer.write({ kind: 'alive', callIds: [call.id], at: new Date() })
    assert.equal((await openCall())?.isSold, true)
    await storage.writer.write({ ...soldRecord(call), callerDialog: DIALOG, buyerDialog: DIALOG })
    assert.deepEqual([(await openCall())?.isSold, (await openCall())?.call.aliveAt], [false, null])
  })

  it('lists calls in progress among those that have ended, newest first, and filters both', async () => {
    const sellerId = newId<AccountId>()
    const calls = [3, 2, 1].map((second) => callRecord({ sellerId, receivedAt: new Date(second * 1000) }))
    for (const call of calls) await storage.writer.write(soldRecord(call))
    await storage.writer.write(endedRecord(calls[1]!))
    const listed = async (changes: CallFilter) => {
      const found = await storage.stores.calls.list({ limit: 10, cursor: null }, { sellerId, ...changes })
      return found.data.map(({ receivedAt, state }) => `${receivedAt.getTime() / 1000} ${state}`)
    }
    assert.deepEqual(await listed({}), ['3 ringing', '2 ended', '1 ringing'])
    assert.deepEqual(await listed({ state: 'ringing' }), ['3 ringing', '1 ringing'])
    assert.deepEqual(await listed({ sipCallId: calls[0]!.legs[0]!.sipCallId }), ['3 ringing', '2 ended', '1 ringing'])
    const first = await storage.stores.calls.list({ limit: 2, cursor: null }, { sellerId })
    const rest = await storage.stores.calls.list({ limit: 2, cursor: first.nextCursor }, { sellerId })
    assert.deepEqual(
      [...first.data, ...rest.data].map(({ id }) => id),
      calls.map(({ id }) => id),
    )
  })

  it('keeps the order of the two lanes when their connections are cut in the middle of it', async () => {
    const calls = Array.from({ length: 40 }, () => callRecord())
    const writes = calls.flatMap((call) => [
      storage.writer.write(soldRecord(call)),
      storage.writer.write({ kind: 'alive', callIds: [call.id], at: new Date() }),
      storage.writer.write(endedRecord(call)),
    ])
    await new Promise((resolve) => setTimeout(resolve, 10))
    await storage.queries.rows(
      "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'dce writer test' and datname = current_database()",
    )
    await Promise.all(writes)
    await storage.writer.drain()
    while (storage.writer.pending() > 0) await new Promise((resolve) => setTimeout(resolve, 10))
    const [row] = await storage.queries.rows(
      "select count(*)::int as n from calls where id = any ($1) and state = 'ended' and awarded_at is not null",
      [calls.map((call) => call.id)],
    )
    assert.equal(row!['n'], calls.length)
    assert.deepEqual((await storage.stores.ledger.verify()).duplicateCalls, [])
    assert.deepEqual(
      await storage.queries.rows('select from open_calls where call_id = any ($1)', [calls.map(({ id }) => id)]),
      [],
    )
  })

  it('never writes the end of a call before its sale, however many sales wait', async () => {
    const calls = Array.from({ length: 3 * BATCH_RECORDS }, () => callRecord())
    const last = calls.at(-1)!
    await Promise.all([
      ...calls.map((call) => storage.writer.write(soldRecord(call))),
      storage.writer.write(endedRecord(last)),
    ])
    const [row] = await storage.queries.rows('select state, awarded_at from calls where id = $1', [last.id])
    assert.equal(row!['state'], 'ended')
    assert.ok(row!['awarded_at'] instanceof Date, 'what its sale said of it is kept')
  })

  it('counts refusals under overload once', async () => {
    const record = {
      kind: 'refused-many',
      id: newId(),
      trunkId: newId<TrunkId>(),
      second: new Date(0),
      count: 7,
      reason: 'trunk_limit',
    } as const
    await storage.writer.write(record)
    await storage.writer.write(record)
    assert.deepEqual(
      await storage.queries.rows('select count, reason from trunk_refusals where id = $1', [record.id]),
      [{ count: 7, reason: 'trunk_limit' }],
    )
  })

  it('puts a record that the tables refuse into quarantine, alone', async () => {
    const good = Array.from({ length: 20 }, () => callRecord())
    const bad = callRecord({ trunkId: 'no UUID' as TrunkId })
    await Promise.all(
      [...good.slice(0, 10), bad, ...good.slice(10)].map((call) => storage.writer.write(endedRecord(call))),
    )
    const [row] = await storage.queries.rows('select count(*)::int as n from calls where id = any ($1)', [
      good.map((call) => call.id),
    ])
    assert.equal(row!['n'], 20)
    const quarantined = await storage.queries.rows('select record, error from quarantine')
    assert.equal(quarantined.length, 1)
    assert.ok(quarantined[0]!['record'].includes(bad.id))
  })

  it('keeps every sale of the batches beside the one that is refused, and the ends behind them', async () => {
    const good = Array.from({ length: PROMPT.records * (PROMPT.commits + 1) }, () => callRecord())
    const bad = callRecord()
    await storage.queries.rows(`alter table open_calls add constraint none_such check (call_id <> '${bad.id}')`)
    const calls = [...good.slice(0, 10), bad, ...good.slice(10)]
    const ended = good.slice(0, PROMPT.records)
    const writes = calls.map((call) => storage.writer.write(soldRecord(call)))
    await sleep(GROUP_COMMIT_MS) // The first batches are under way.
    writes.push(...ended.map((call) => storage.writer.write(endedRecord(endedCall(call)))))
    await Promise.all(writes)
    await storage.queries.rows('alter table open_calls drop constraint none_such')
    const [row] = await storage.queries.rows(
      `select (select count(*)::int from open_calls where call_id = any ($1)) as open,
        (select count(*)::int from calls where id = any ($1)) as ended,
        (select count(*)::int from quarantine where position($2 in record::text) > 0) as refused`,
      [good.map((call) => call.id), bad.id],
    )
    assert.deepEqual(row, { open: good.length - ended.length, ended: ended.length, refused: 1 })
  })

  it('refuses what is written beyond its limit, and new calls from half of it on', async () => {
    const id = newId<TrunkId>()
    const record = {
      kind: 'refused-many',
      id,
      trunkId: id,
      second: new Date(0),
      count: 1,
      reason: 'overloaded',
    } as const
    const writes: Promise<void>[] = []
    // A batch is on its way at once, and waits no longer.
    while (storage.writer.pending() < QUEUE_LIMIT / 2) writes.push(storage.writer.write(record))
    assert.equal(storage.writer.accepts(), false)
    while (storage.writer.pending() < QUEUE_LIMIT) writes.push(storage.writer.write(record))
    await assert.rejects(storage.writer.write(record), { name: 'StoreUnavailable' })
    await Promise.all(writes)
    assert.equal(storage.writer.accepts(), true)
    assert.equal(storage.writer.pending(), 0)
  })

  it('stores text that no database takes: NUL characters and halves of surrogate pairs', async () => {
    const call = callRecord({ dnis: 'a\u0000b\ud800c\\u0000' })
    await storage.writer.write(endedRecord(call))
    assert.equal((await storage.stores.calls.find(call.id))?.dnis, 'a\ufffdb\ufffdc\\u0000')
  })
})
