import assert from 'node:assert/strict'
import { newId } from '../../model/ids.ts'
import { PAYOUT_CLEARING_ACCOUNT_ID } from '../../storage/house-accounts.ts'
import { readAchFile } from '../support/ach-reader.ts'
import { openPayoutStage, type PayoutStage } from '../support/payout-stage.ts'
import { callRecord, endedRecord, insertAccounts, soldRecord } from '../support/records.ts'

const DOLLAR = 1_000_000n

describe('what a look at the whole ledger finds', () => {
  let stage: PayoutStage
  before(async () => {
    stage = await openPayoutStage()
    await insertAccounts(stage.storage.queries)
  })
  after(() => stage.end())

  const faults = async (): Promise<readonly string[]> => (await stage.storage.stores.ledger.verify()).faults
  const sql = (text: string, values: readonly unknown[] = []) => stage.storage.queries.rows(text, values)

  /** Does it, wants to be told so, and takes it back. */
  async function finds(what: RegExp, spoil: string, mend: string, values: readonly unknown[]): Promise<void> {
    await sql(spoil, values)
    const found = await faults()
    assert.equal(found.length > 0 && found.every((fault) => what.test(fault)), true, `${spoil}: ${found.join('; ')}`)
    await sql(mend, values)
    assert.deepEqual(await faults(), [])
  }

  it('is that calls are settled once, as their records say', async () => {
    const [call, unbilled] = [callRecord(), callRecord()]
    for (const each of [call, unbilled]) await stage.storage.writer.write(soldRecord(each))
    assert.equal((await stage.storage.stores.ledger.verify()).openHolds.calls, 2)
    await stage.storage.writer.write(endedRecord(call))
    await stage.storage.writer.write(endedRecord(call))
    const record = endedRecord(unbilled)
    const free = { ...record.call, priceMicros: 0n, payoutMicros: 0n, billableMs: 0 }
    await stage.storage.writer.write({ ...record, call: free, posting: null })
    assert.deepEqual(await faults(), [])
    assert.deepEqual((await stage.storage.stores.ledger.verify()).openHolds, { calls: 0, since: null })
    const price = (micros: number) => `update calls set price_micros = ${micros} where id = $1`
    await finds(/its record says 9000000 and 8000000 USD, the ledger 10000000/, price(9_000_000), price(10_000_000), [
      call.id,
    ])
    await finds(/its record says 1 and 0 USD, the ledger 0 and 0/, price(1), price(0), [unbilled.id])
    await finds(
      /its hold has not/,
      `insert into open_calls (call_id, gateway_id, held_at, sale) values ($1, 'g', now(), '{}')`,
      'delete from open_calls where call_id = $1',
      [call.id],
    )
  })

  it('is that payouts left their sellers once, and came back', async () => {
    await sql('truncate calls') // The stage's sellers earn by postings alone.
    const seller = await stage.seller(90n * DOLLAR)
    const other = await stage.seller(30n * DOLLAR)
    // Their earnings are of calls that have no record here.
    const known = (found: readonly string[]) => found.filter((fault) => !fault.includes('settled without a record'))
    assert.equal((await faults()).length > 0, true)
    const { body } = await stage.api.request('POST', 'payouts', { token: stage.admin.token })
    const file = await stage.api.request('GET', `payouts/${body.id}/file`, { token: stage.admin.token })
    assert.equal(readAchFile(file.body).batches[0]!.entries.length, 2)
    assert.deepEqual(known(await faults()), [])
    const [row] = await sql('select id from payouts where account_id = $1', [other.account.id])
    for (const [spoil, mend, what] of [
      [
        'amount_micros = 31000000',
        'amount_micros = 30000000',
        /not taken from the seller|under way are 121000000 USD, the ledger has 120000000/,
      ],
      [
        `state = 'settled', settled_at = now(), settled_posting_id = posting_id`,
        `state = 'sent', settled_at = null, settled_posting_id = null`,
        /under way are 90000000 USD, the ledger has 120000000/,
      ],
      [
        `state = 'returned', returned_at = now(), return_code = 'R03', return_posting_id = posting_id`,
        `state = 'sent', returned_at = null, return_code = null, return_posting_id = null`,
        /returned, and not given back|under way/,
      ],
    ] as const) {
      await sql(`update payouts set ${spoil} where id = $1`, [row!['id']])
      const found = known(await faults())
      assert.ok(found.length > 0 && found.every((fault) => what.test(fault)), `${spoil}: ${found.join('; ')}`)
      await sql(`update payouts set ${mend} where id = $1`, [row!['id']])
    }
    await stage.storage.stores.ledger.post({
      id: newId(),
      kind: 'payout',
      callId: null,
      currency: 'USD',
      reference: 'out of nowhere',
      entries: [
        { accountId: seller.account.id, amountMicros: -DOLLAR },
        { accountId: PAYOUT_CLEARING_ACCOUNT_ID, amountMicros: DOLLAR },
      ],
      postedAt: new Date(),
    })
    const found = known(await faults())
    assert.equal(found.length, 2)
    assert.match(
      found.join('\n'),
      /out of nowhere\): no payout is its[^]*under way are 120000000 USD, the ledger has 121000000/,
    )
  })

  it('is that an account has no money of another currency', async () => {
    const buyer = await stage.api.person('buyer', 'euro')
    const seller = await stage.api.person('seller', 'dollar')
    await stage.storage.stores.ledger.post({
      id: newId(),
      kind: 'correction',
      callId: null,
      currency: 'EUR',
      reference: 'across',
      entries: [
        { accountId: buyer.account.id, amountMicros: -DOLLAR },
        { accountId: seller.account.id, amountMicros: DOLLAR },
      ],
      postedAt: new Date(),
    })
    const found = (await faults()).filter((fault) => fault.includes('it is kept in USD'))
    assert.deepEqual(found.map((fault) => fault.replace(/^account [^:]+: /, '')).toSorted(), [
      'it is kept in USD and has -1000000 EUR',
      'it is kept in USD and has 1000000 EUR',
    ])
  })
})
