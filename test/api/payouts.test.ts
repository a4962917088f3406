import assert from 'node:assert/strict'
import { newId } from '../../model/ids.ts'
import { PAYOUT_CLEARING_ACCOUNT_ID } from '../../storage/house-accounts.ts'
import type { Person, Reply } from '../support/api-harness.ts'
import { readAchFile } from '../support/ach-reader.ts'
import { daysAgo, GIVEN, openPayoutStage, type PayoutStage } from '../support/payout-stage.ts'

const DOLLAR = 1_000_000n

describe('payouts', () => {
  let stage: PayoutStage
  before(async () => (stage = await openPayoutStage()))
  after(() => stage.end())

  const ask = (method: string, path: string, json?: unknown, who: Person = stage.admin): Promise<Reply> =>
    stage.api.request(method, path, { token: who.token, ...(json !== undefined && { json }) })
  const run = () => ask('POST', 'payouts')
  const file = (id: string) => ask('GET', `payouts/${id}/file`)
  const entriesOf = async (id: string): Promise<Record<string, string>[]> =>
    (await ask('GET', `payouts/${id}/entries`)).body.data

  it('pay each seller what its statement says, in a file the bank reads, once', async () => {
    const [one, two] = [await stage.seller(100n * DOLLAR), await stage.seller(40_120_000n, { holder_type: 'company' })]
    const poor = await stage.seller(24_990_000n)
    const { status, body, headers } = await run()
    assert.deepEqual([status, body.state, body.payouts, body.amount], [201, 'ready', 2, '140.12'])
    assert.equal(headers.get('location'), `/api/v1/payouts/${body.id}`)
    assert.deepEqual((await run()).body.code, 'nothing_to_pay')

    const { headers: sent, body: text } = await file(body.id)
    assert.equal(sent.get('content-disposition'), `attachment; filename="payouts-${body.number}.ach"`)
    const { header, batches } = readAchFile(text)
    assert.equal(header['destination'], ' 091000019')
    assert.deepEqual(
      batches.map((batch) => [
        batch.header['entryClass'],
        batch.header['effectiveDate'],
        batch.entries.map(({ amount, account }) => [amount, account!.trimEnd()]),
      ]),
      [
        ['PPD', body.effective_on.slice(2).replaceAll('-', ''), [['0000010000', '9876543210']]],
        ['CCD', body.effective_on.slice(2).replaceAll('-', ''), [['0000004012', '9876543210']]],
      ],
    )
    assert.equal((await file(body.id)).body, text, 'the same file each time')

    assert.deepEqual(
      [await stage.balance(one.account.id), await stage.balance(two.account.id), await stage.balance(poor.account.id)],
      [0n, 0n, 24_990_000n],
    )
    assert.equal(await stage.balance(PAYOUT_CLEARING_ACCOUNT_ID), 140_120_000n)
    const told = stage.events.find(({ audience }) => audience.sellerId === one.account.id)!
    assert.deepEqual([told.type, told.payload['amount'], told.payload['balance']], ['ledger.posted', '-100.00', '0.00'])

    const settled = await ask('POST', `payouts/${body.id}/settle`)
    assert.deepEqual([settled.status, settled.body.settled], [200, '140.12'])
    assert.deepEqual((await ask('POST', `payouts/${body.id}/settle`)).body, settled.body)
    assert.equal(await stage.balance(PAYOUT_CLEARING_ACCOUNT_ID), 0n)
    assert.deepEqual((await ask('GET', 'payouts')).body.data[0], settled.body)
  })

  it('pay neither what came in after the statement nor what has left since', async () => {
    const seller = await stage.seller(100n * DOLLAR)
    const { id } = seller.account
    await stage.earn(id, 500n * DOLLAR, daysAgo(2))
    await stage.earn(id, -30n * DOLLAR, daysAgo(1)) // A dispute was accepted.
    await ask('POST', `accounts/${id}/payouts`, { amount: '20.00', reference: 'by hand' })
    assert.equal((await run()).body.amount, '50.00')
    await stage.earn(id, -200n * DOLLAR, daysAgo(1))
    assert.equal((await run()).body.code, 'nothing_to_pay')
    assert.equal(await stage.balance(id), 300n * DOLLAR)
  })

  it('never pay more than there is', async () => {
    const seller = await stage.seller(100n * DOLLAR)
    await stage.earn(seller.account.id, -60_005_000n, daysAgo(15)) // Written late: of a month already closed.
    const { body } = await run()
    assert.equal(body.amount, '39.99')
    assert.equal(await stage.balance(seller.account.id), 5_000n)
  })

  it('that a bank returns are the seller’s again, and its details are not used any more', async () => {
    const seller = await stage.seller(80n * DOLLAR)
    const { id } = seller.account
    const { body } = await run()
    const [entry] = await entriesOf(body.id)
    const trace_number = entry!['trace_number']
    const answers = await Promise.all(
      Array.from({ length: 4 }, () => ask('POST', 'payouts/returns', { trace_number, code: 'R03' })),
    )
    for (const { status, body: returned } of answers)
      assert.deepEqual(
        [status, returned.state, returned.return_code, returned.amount],
        [200, 'returned', 'R03', '80.00'],
      )
    assert.equal((await ask('POST', 'payouts/returns', { trace_number, code: 'R04' })).status, 409)
    assert.equal(await stage.balance(id), 80n * DOLLAR)
    assert.equal(await stage.balance(PAYOUT_CLEARING_ACCOUNT_ID), await onItsWay())
    assert.equal((await run()).body.code, 'nothing_to_pay')
    const { body: bank } = await ask('GET', `accounts/${id}/bank-account`, undefined, seller)
    assert.deepEqual([bank.state, bank.return_code], ['returned', 'R03'])

    await ask('POST', `accounts/${id}/bank-account`, { ...GIVEN, account_number: '1111222233' }, seller)
    const again = await run()
    assert.equal(again.body.amount, '80.00')
    assert.match((await file(again.body.id)).body, /1111222233/)
    const { body: mine } = await ask('GET', `accounts/${id}/payouts`, undefined, seller)
    assert.deepEqual(
      mine.data.map((payout: Record<string, string>) => [payout['state'], payout['account_number']]),
      [
        ['sent', '*****2233'],
        ['returned', '*****3210'],
      ],
    )
  })

  const onItsWay = async (): Promise<bigint> => {
    const [row] = await stage.storage.queries.rows(
      `select coalesce(sum(amount_micros), 0)::text as sum from payouts where state = 'sent'`,
    )
    return BigInt(row!['sum'])
  }

  it('come back from the world once it had them', async () => {
    const seller = await stage.seller(50n * DOLLAR)
    const { body } = await run()
    const [entry] = await entriesOf(body.id)
    await ask('POST', `payouts/${body.id}/settle`)
    const clearing = await stage.balance(PAYOUT_CLEARING_ACCOUNT_ID)
    await ask('POST', 'payouts/returns', { trace_number: entry!['trace_number'], code: 'R02' })
    assert.equal(await stage.balance(seller.account.id), 50n * DOLLAR)
    assert.equal(await stage.balance(PAYOUT_CLEARING_ACCOUNT_ID), clearing)
    assert.deepEqual((await stage.storage.stores.ledger.verify()).unbalanced, [])
  })

  it('are the administrator’s to make, and each seller’s own to see', async () => {
    const seller = await stage.seller(0n)
    const stranger = await stage.api.person('seller', 'stranger')
    const buyer = await stage.api.person('buyer')
    for (const [method, path] of [
      ['POST', 'payouts'],
      ['GET', 'payouts'],
      ['GET', `payouts/${newId()}/file`],
      ['POST', 'payouts/returns'],
    ] as const)
      for (const who of [seller, buyer]) assert.equal((await ask(method, path, undefined, who)).status, 403, path)
    for (const path of ['payouts', 'bank-account']) {
      const theirs = `accounts/${seller.account.id}/${path}`
      assert.equal((await ask('GET', theirs, undefined, stranger)).status, 404, path)
      assert.equal((await ask('GET', theirs, undefined, buyer)).status, 403, path)
    }
    assert.equal((await ask('GET', `payouts/${newId()}`)).status, 404)
    const wrong = await ask('POST', 'payouts/returns', { trace_number: '091000019999999', code: 'R1' })
    assert.deepEqual(
      wrong.body.errors.map((fault: Record<string, string>) => fault['pointer']),
      ['/code'],
    )
    const unknown = await ask('POST', 'payouts/returns', { trace_number: '091000019999999', code: 'R01' })
    assert.deepEqual([unknown.status, unknown.body.errors[0].pointer], [422, '/trace_number'])
  })

  it('refuse bank details that cannot be right, and say which', async () => {
    const seller = await stage.api.person('seller', 'wrong')
    const fault = async (changes: object): Promise<string> => {
      const { status, body } = await ask(
        'POST',
        `accounts/${seller.account.id}/bank-account`,
        { ...GIVEN, ...changes },
        seller,
      )
      assert.equal(status, 422)
      return body.errors[0].pointer
    }
    assert.equal(await fault({ routing_number: '021000022' }), '/routing_number')
    assert.equal(await fault({ routing_number: '21000021' }), '/routing_number')
    assert.equal(await fault({ account_number: '123' }), '/account_number')
    assert.equal(await fault({ account_number: '123456789012345678' }), '/account_number')
    assert.equal(await fault({ account_number: '12 34' }), '/account_number')
    assert.equal(await fault({ holder: 'a name of more than twenty-two' }), '/holder')
    assert.equal(await fault({ holder_type: 'cat' }), '/holder_type')
  })

  it('keep a bank account’s number sealed, and out of every answer', async () => {
    const seller = await stage.seller(0n)
    const path = `accounts/${seller.account.id}/bank-account`
    const again = await ask('POST', path, GIVEN, seller)
    assert.deepEqual([again.status, again.body.version, again.body.account_number], [200, 1, '*****3210'])
    const other = await ask('POST', path, { ...GIVEN, account_number: '9876543219' }, seller)
    assert.deepEqual([other.status, other.body.version], [200, 2])
    for (const table of ['bank_accounts', 'payouts', 'idempotency_keys', 'outbox'])
      for (const row of await stage.storage.queries.rows(`select t::text as line from ${table} t`))
        assert.ok(!/98765432/.test(row['line']), table)
    assert.equal((await ask('DELETE', path, undefined, seller)).status, 204)
    assert.equal((await ask('GET', path, undefined, seller)).status, 404)
  })

  it('by hand come out of what the database says is left, whatever this process has heard', async () => {
    const { account } = await stage.seller(50n * DOLLAR)
    const told = stage.storage.changes.length
    assert.equal((await run()).status, 201)
    assert.equal(await stage.balance(account.id), 0n)
    stage.storage.changes.splice(told) // As in a gateway that has not heard of the run yet.
    const byHand = await ask('POST', `accounts/${account.id}/payouts`, { amount: '50', reference: 'wire' })
    assert.deepEqual([byHand.status, byHand.body.code], [409, 'insufficient_funds'])
    assert.match(byHand.body.detail, /At most 0\.00/)
    assert.equal(await stage.balance(account.id), 0n)
  })

  it('ask sellers only for accounts in dollars', async () => {
    const seller = await stage.api.person('seller', 'euro')
    await stage.storage.queries.rows(`update accounts set currency = 'EUR' where id = $1`, [seller.account.id])
    const { status } = await ask('POST', `accounts/${seller.account.id}/bank-account`, GIVEN, seller)
    assert.equal(status, 409)
  })

  it('are not available without a bank or a key', async () => {
    const bare = await openPayoutStage({ vault: null, originator: null })
    try {
      const seller = await bare.api.person('seller', 'nobody')
      const asked = { token: seller.token, json: GIVEN }
      const reply = await bare.api.request('POST', `accounts/${seller.account.id}/bank-account`, asked)
      assert.deepEqual([reply.status, reply.body.code], [503, 'not_configured'])
      const begun = await bare.api.request('POST', 'payouts', { token: bare.admin.token })
      assert.deepEqual([begun.status, begun.body.code], [503, 'not_configured'])
    } finally {
      await bare.end()
    }
  })
})

describe('payouts of statements', () => {
  it('wait until those are older than the days they are held back', async () => {
    const stage = await openPayoutStage()
    try {
      const run = (admin: Person): Promise<Reply> => stage.api.request('POST', 'payouts', { token: admin.token })
      const seller = await stage.seller(0n)
      await stage.earn(seller.account.id, 100n * DOLLAR, daysAgo(9))
      await stage.close(seller.account, daysAgo(6.9))
      assert.equal((await run(stage.admin)).body.code, 'nothing_to_pay')
      stage.api.clock.advance(0.2 * 86_400_000)
      assert.equal((await run(await stage.api.person('operator'))).body.amount, '100.00')
    } finally {
      await stage.end()
    }
  })
})

describe('payouts with prenotes', () => {
  it('ask the bank for a new account, and pay to it when three banking days have passed', async () => {
    const stage = await openPayoutStage({ isPrenoted: true })
    const run = async (): Promise<Reply> => stage.api.request('POST', 'payouts', { token: stage.admin.token })
    try {
      const seller = await stage.seller(100n * DOLLAR)
      const first = await run()
      assert.deepEqual([first.body.payouts, first.body.prenotes, first.body.amount], [0, 1, '0.00'])
      const file = await stage.api.request('GET', `payouts/${first.body.id}/file`, { token: stage.admin.token })
      assert.deepEqual(
        readAchFile(file.body).batches[0]!.entries.map(({ transaction, amount }) => [transaction, amount]),
        [['23', '0000000000']],
      )
      assert.equal((await run()).body.code, 'nothing_to_pay')
      stage.api.clock.advance(12 * 86_400_000)
      const admin = await stage.api.person('operator') // An access token does not last as long.
      const second = await stage.api.request('POST', 'payouts', { token: admin.token })
      assert.deepEqual([second.body.payouts, second.body.amount], [1, '100.00'])
      assert.equal(await stage.balance(seller.account.id), 0n)
    } finally {
      await stage.end()
    }
  })
})
