import assert from 'node:assert/strict'
import { issueInvoices } from '../../accounts/issue-invoices.ts'
import { settle } from '../../accounts/settlement.ts'
import { closeInterrupted } from '../../gateway/recovery.ts'
import { createLogger } from '../../config/logger.ts'
import type { LegRecord, SoldTerms } from '../../model/cdr.ts'
import { newId } from '../../model/ids.ts'
import { mostOfMinutes, type MinuteTerms } from '../../model/per-minute.ts'
import type { Payout } from '../../model/trunk.ts'
import {
  BUYER,
  callRecord,
  endedRecord,
  insertAccounts,
  OPERATOR_ACCOUNT_ID,
  SELLER,
  soldRecord,
} from '../support/records.ts'
import { numberDraft } from '../support/drafts.ts'
import { openTestStorage, type TestStorage } from '../support/storage.ts'

const MINUTES: MinuteTerms = {
  type: 'minute',
  atMax: 'continue',
  initialSeconds: 30,
  incrementSeconds: 6,
  maxBillableSeconds: 600,
  expectedSeconds: 93,
  rateMicros: 900_000n,
}
const PAYOUT: Payout = { type: 'minute', rateMicros: 400_000n, initialSeconds: 60, incrementSeconds: 60 }
const DIALOG = {
  callId: 'a@b',
  localUri: 'sip:a',
  localTag: 'l',
  remoteUri: 'sip:b',
  remoteTag: 'r',
  remoteTarget: 'sip:b',
  routeSet: [],
  localCSeq: 1,
}

describe('calls by the minute, in storage', () => {
  let storage: TestStorage
  before(async () => {
    storage = await openTestStorage()
    await insertAccounts(storage.queries)
  })
  after(() => storage.close())

  /** A call as it is written when it is answered: with the leg that its award rang. */
  function sold(answeredAt: Date) {
    const blank = callRecord({ state: 'answered', answeredAt })
    const record = soldRecord(blank, { callerDialog: DIALOG, buyerDialog: DIALOG })
    assert.equal(record.kind, 'sold')
    const terms: SoldTerms = {
      ...record.terms,
      minutes: MINUTES,
      payout: PAYOUT,
      priceMicros: mostOfMinutes(MINUTES.rateMicros, MINUTES),
    }
    const leg: LegRecord = { ...blank.legs[0]!, side: 'buyer', awardId: terms.awardId, targetId: blank.targetId }
    const call = { ...blank, legs: [...blank.legs, leg] }
    return { call, terms, record: { ...record, call, terms } }
  }

  it('keep their terms while they are up, and what they came to; the ledger is held against that', async () => {
    const { call, terms, record } = sold(new Date())
    await storage.writer.write(record)
    const open = (await storage.recovery.openCalls()).find((one) => one.call.id === call.id)!
    assert.deepEqual(open.sale!.terms, terms)
    const settled = settle({
      terms: open.sale!.terms,
      durationMs: 61_000,
      endedAt: new Date(),
      postingId: newId(),
      callId: call.id,
      operatorId: OPERATOR_ACCOUNT_ID,
    })
    assert.deepEqual([settled.priceMicros, settled.payoutMicros], [990_000n, 800_000n])
    const ended = endedRecord(call)
    const legs = call.legs.map((leg) => (leg.side === 'buyer' ? { ...leg, minutes: settled.minutes! } : leg))
    const { priceMicros, payoutMicros, billableMs, posting } = settled
    await storage.writer.write({
      ...ended,
      call: { ...ended.call, legs, durationMs: 61_000, billableMs, priceMicros, payoutMicros },
      posting,
    })
    const read = await storage.stores.calls.find(call.id)
    assert.deepEqual(read!.legs[1]!.minutes, settled.minutes)
    const faults = async () => (await storage.stores.ledger.verify()).faults
    assert.deepEqual(await faults(), [])
    const seconds = (side: string, of: number) =>
      storage.queries.rows(
        `update calls set legs = jsonb_set(legs, '{1,minutes,${side},seconds}', '${of}') where id = $1`,
        [call.id],
      )
    await seconds('price', 72)
    assert.match((await faults()).join(), /its 72 s at 900000 are not the 990000 of its record/)
    await seconds('price', 66)
    await seconds('payout', 60)
    assert.match((await faults()).join(), /what its seller is due is not the 800000 of its record/)
    await seconds('payout', 120)
    assert.deepEqual(await faults(), [])
  })

  it('have a line of the buyer’s invoice, and of the seller’s statement, with each side’s own seconds and rate', async () => {
    await issueInvoices(storage.invoices, new Date(Date.now() + 63 * 24 * 3_600_000))
    const told: unknown[] = []
    for (const account of [BUYER, SELLER])
      for (const invoice of (await storage.stores.invoices.list(account, { limit: 10, cursor: null })).data)
        for await (const lines of storage.stores.invoices.lines(invoice))
          told.push(...lines.map(({ amountMicros, minutes }) => [amountMicros, minutes]))
    assert.deepEqual(told, [
      [-990_000n, { rateMicros: 900_000n, seconds: 66 }],
      [800_000n, { rateMicros: 400_000n, seconds: 120 }],
    ])
  })

  it('are billed by their last mark after a crash', async () => {
    const answeredAt = new Date(Date.now() - 100_000)
    const { call, record } = sold(answeredAt)
    await storage.writer.write(record)
    await storage.writer.write({ kind: 'alive', callIds: [call.id], at: new Date(answeredAt.getTime() + 37_000) })
    const { logger } = createLogger({ level: 'silent' })
    await closeInterrupted(storage.recovery, storage.writer, OPERATOR_ACCOUNT_ID, logger)
    const read = (await storage.stores.calls.find(call.id))!
    assert.deepEqual([read.durationMs, read.priceMicros, read.payoutMicros], [37_000, 630_000n, 400_000n])
    assert.deepEqual(read.legs[1]!.minutes, {
      price: { rateMicros: 900_000n, seconds: 42 },
      payout: { rateMicros: 400_000n, seconds: 60 },
    })
    assert.deepEqual((await storage.stores.ledger.verify()).faults, [])
  })

  it('are what targets’ calls are expected to last by, after a restart too', async () => {
    const learned = await storage.outcomes(new Date(Date.now() - 3_600_000), 60_000)
    const talked = learned.filter(({ kind }) => kind === 'talked').map(({ count }) => count)
    assert.deepEqual(
      talked.toSorted((a, b) => a! - b!),
      [37, 61],
    )
  })

  it('have numbers that pay so', async () => {
    const [call] = await storage.queries.rows('select seller_id as id from calls limit 1')
    const made = await storage.stores.numbers.create(numberDraft(call!['id'], { payout: PAYOUT }))
    assert.deepEqual((await storage.stores.numbers.find(made.id))!.payout, PAYOUT)
  })
})
