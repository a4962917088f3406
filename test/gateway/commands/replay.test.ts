import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { loadSettings, type Settings } from '../../../config/settings.ts'
import { backtestPeriod, readPeriod } from '../../../gateway/commands/backtest.ts'
import { replayCall, type Question } from '../../../gateway/commands/replay.ts'
import type { Auction } from '../../../model/auction.ts'
import { newId, type AccountId, type BidId, type CallId } from '../../../model/ids.ts'
import { createRouting } from '../../../routing/route-call.ts'
import { aBid, aCampaign, anAccount, aRequest, aTarget, change, dollars } from '../../support/market.ts'
import { callRecord, endedRecord, insertAccounts, soldRecord } from '../../support/records.ts'
import { openTestStorage, temporaryFolder, type TestStorage } from '../../support/storage.ts'

const AS_IT_WAS: Question = { bidsFile: null, rulesFile: null, rules: null, asJson: false }

describe('dce replay and dce backtest', () => {
  let storage: TestStorage
  let settings: Settings
  const folder = temporaryFolder()
  const ids = { a: newId<BidId>(), b: newId<BidId>(), late: newId<BidId>() }
  const began = new Date()

  before(async () => {
    storage = await openTestStorage()
    await insertAccounts(storage.queries)
    settings = loadSettings({ file: null, env: {}, flags: { 'database.url': storage.options.databaseUrl! } })
  })
  after(() => storage.close())

  /** An auction of two bids of two buyers, at 5.00 and 4.00, held now and written down with its call, which was answered. */
  async function aCall(durationMs = 60_000): Promise<Auction> {
    const needs = { availableMicros: () => dollars(1000), clock: { now: () => Date.now() }, newId }
    const routing = createRouting(needs, { keepsInputs: true })
    for (const [name, amount] of [
      ['a', 5],
      ['b', 4],
    ] as const) {
      const buyer = `${name}-buyer` as AccountId
      routing.apply(change.account(anAccount(buyer)))
      routing.apply(change.target(aTarget(`${name}-target`, buyer)))
      // A dollar more than one call a day costs.
      const budget = { dailyMicros: name === 'b' ? dollars(10) : null, totalMicros: null }
      routing.apply(change.campaign(aCampaign(`${name}-campaign`, buyer, { budget, timezone: 'UTC' })))
      routing.apply(change.bid({ ...aBid(name, amount), id: ids[name] }))
    }
    const auction = routing.auction(aRequest({ callId: newId<CallId>(), receivedAtMs: Date.now() }))
    const sold = auction.awards[0]!
    const call = callRecord({ id: auction.callId, auctionId: auction.id, bidId: sold.bidId })
    const idle = { ...auction.awards[0]!, bidId: newId<BidId>(), code: 'vertical_mismatch' as const }
    await storage.writer.write(
      soldRecord(call, { auction: { ...asStored(auction), nonBids: [...auction.nonBids, idle] } }),
    )
    const { call: ended, ...record } = endedRecord(call)
    const priceMicros = durationMs >= 30_000 ? sold.priceMicros : 0n
    await storage.writer.write({ ...record, posting: null, call: { ...ended, durationMs, priceMicros } })
    return auction
  }

  /** The tables take ids alone. */
  function asStored(auction: Auction): Auction {
    return { ...auction, numberId: newId() }
  }

  async function file(name: string, text: string): Promise<string> {
    const path = join(folder, name)
    await writeFile(path, text)
    return path
  }

  async function replay(id: string, question: Partial<Question> = {}): Promise<{ isSame: boolean; lines: string[] }> {
    const lines: string[] = []
    const isSame = await replayCall(id, { ...AS_IT_WAS, ...question }, settings, (line) => lines.push(line))
    return { isSame, lines }
  }

  it('hold a call’s auction again and find it the same', async () => {
    const { callId, id } = await aCall()
    const { isSame, lines } = await replay(callId)
    assert.equal(isSame, true)
    assert.match(lines[0]!, new RegExp(`^call ${callId}: auction ${id} of .*, 2 candidates$`))
    assert.deepEqual(lines.slice(1), [
      '  held again: the same awards, prices and reasons',
      `  bid ${ids.a} of buyer a-buyer comes first, at 4.01 USD`,
    ])
  })

  it('say where what is stored is not what comes out, and fail', async () => {
    const { callId } = await aCall()
    await storage.queries.rows(
      `update auctions set awards = jsonb_set(awards::jsonb, '{0,8}', '"4000000"') where call_id = $1`,
      [callId],
    )
    const { isSame, lines } = await replay(callId)
    assert.equal(isSame, false)
    assert.equal(lines[1], '  HELD AGAIN IT DIFFERS:')
    assert.match(lines[2]!, /^ {4}award 1: stored bid .* at 4\.00 after 30 s, again bid .* at 4\.01 after 30 s$/)
    await storage.queries.rows('delete from auctions where call_id = $1', [callId])
  })

  it('tell what had been with other bids and other rules', async () => {
    const { callId } = await aCall()
    const bidsFile = await file('bids.csv', `bid_id,amount\n${ids.b},7.50\n`)
    const { isSame, lines } = await replay(callId, { bidsFile, rules: 'reserve_price=3' })
    assert.equal(isSame, true)
    assert.deepEqual(lines.slice(3), [
      `what if: bid ${ids.b} of buyer b-buyer comes first, at 5.01 USD`,
      `  bid ${ids.b}: award 2 at 1.00 USD of 4.00 → award 1 at 5.01 USD of 7.50`,
      `  bid ${ids.a}: award 1 at 4.01 USD of 5.00 → award 2 at 3.00 USD of 5.00`,
    ])
    const json = JSON.parse((await replay(callId, { bidsFile, asJson: true })).lines[0]!)
    assert.deepEqual([json.reproduced, json.what_if.after.clearing_price, json.what_if.unknown], [true, '5.01', []])
    assert.deepEqual(json.what_if.changes[0], {
      bid_id: ids.b,
      before: { rank: 2, price: '1.00', code: null },
      after: { rank: 1, price: '5.01', code: null },
    })
  })

  it('say of a call why it cannot be held again', async () => {
    const call = callRecord()
    await storage.writer.write(soldRecord(call))
    await assert.rejects(replay(call.id), /it was held by a version that did not, or with auction\.keep_inputs off$/)
    await assert.rejects(replay(newId()), /no such call$/)
    await assert.rejects(replay('7'), /^Error: 7: not a call's id$/)
  })

  it('say which line and which field of a file is wrong', async () => {
    const { callId } = await aCall()
    const of = async (text: string) => replay(callId, { bidsFile: await file('wrong', text) })
    await assert.rejects(of(`bid_id,amount\n${ids.a},-1\n`), /--bids: line 2: amount: "-1" is not an amount of money/)
    await assert.rejects(of(`[{"bid_id":"${ids.a}","price":"1"}]`), /--bids: entry 1: price: not one of bid_id, amount/)
    await assert.rejects(of(`{"bid_id":"x","amount":1}`), /--bids: line 1: bid_id: "x" is not the id of a bid/)
    await assert.rejects(of(`bid_id,amount\n${ids.a},1\n${ids.a},2\n`), /--bids: line 3: bid .* comes twice/)
    await assert.rejects(of(`{"bid_id":`), /--bids: line 1: /)
    await assert.rejects(of(''), /--bids: line 1: a heading with bid_id, or JSON, is wanted/)
    await assert.rejects(replay(callId, { rules: 'reserve=3' }), /rule reserve: not one of reserve_price/)
    await assert.rejects(replay(callId, { rules: 'without=luck' }), /rule without: "luck" is not one of budgets/)
    await assert.rejects(
      replay(callId, { bidsFile: await file('unknown', `bid_id,amount\n${ids.late},1\n`) }),
      /no such bid/,
    )
    assert.throws(() => readPeriod('2026-11-01', undefined), /--to \(missing\): a date such as/)
    assert.throws(() => readPeriod('2026-11-02', '2026-11-01'), /--to 2026-11-01: not after --from/)
  })

  it('sum up a period as it was and as it would have been, budgets kept to', async () => {
    await storage.queries.rows('delete from auctions')
    for (const durationMs of [60_000, 60_000, 60_000, 20_000]) await aCall(durationMs)
    const period = { from: began, to: new Date(Date.now() + 1000) }
    const bidsFile = await file('more.csv', `bid_id,amount\n${ids.b},6\n`)
    const run = async (question: Partial<Question>): Promise<string[]> => {
      const lines: string[] = []
      const print = (line: string): number => lines.push(line)
      assert.equal(await backtestPeriod(period, { ...AS_IT_WAS, ...question }, settings, print), true)
      return lines
    }
    const json = JSON.parse((await run({ bidsFile, asJson: true }))[0]!)
    assert.deepEqual([json.decisions, json.reproduced, json.not_reproduced, json.under_way], [4, 4, 0, 0])
    // b wins at 5.01 until its 10.00 of the day do not cover a second, and a has the others at 4.01 and 1.00 as b can pay no more.
    assert.equal(json.totals.USD.before.revenue, '12.03')
    assert.equal(json.calls[0].after.bid_id, ids.b)
    assert.equal(json.calls[0].after.price, '5.01')
    const b = json.buyers.find((one: { buyer_id: string }) => one.buyer_id === 'b-buyer')
    assert.deepEqual([b.before.answered, b.after.answered, b.after.revenue], [0, 1, '5.01'])
    const unchanged = await run({})
    assert.match(unchanged.join('\n'), /4 come out the same to the bit when held again as they were, 0 do not/)
    assert.match(unchanged.join('\n'), /revenue +12\.03 +12\.03 +0\.00/)
    assert.match(unchanged.join('\n'), /^0 calls have another buyer or another price$/m)
  })
})
