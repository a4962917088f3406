import assert from 'node:assert/strict'
import { refusesEach } from '../support/api-faults.ts'
import { startApi, type ApiHarness, type Person } from '../support/api-harness.ts'

type Json = Record<string, unknown>

describe('money', () => {
  let api: ApiHarness
  let admin: Person
  let buyer: Person

  before(async () => {
    api = await startApi()
    admin = await api.person('operator')
    buyer = await api.person('buyer')
  })
  after(() => api.api.close())

  const post = (person: Person, path: string, json: Json) => api.request('POST', path, { token: person.token, json })

  it('comes in once per reference and goes out as far as there is', async () => {
    const { account } = await api.person('buyer', 'payer')
    const path = `accounts/${account.id}`
    const first = await post(admin, `${path}/deposits`, { amount: '100.50', reference: 'wire 1' })
    assert.equal(first.status, 201)
    assert.deepEqual([first.body.kind, first.body.amount, first.body.balance], ['deposit', '100.50', '100.50'])
    const again = await post(admin, `${path}/deposits`, { amount: '100.50', reference: 'wire 1' })
    assert.deepEqual([again.status, again.body.id, again.body.balance], [200, first.body.id, '100.50'])
    const other = await post(admin, `${path}/deposits`, { amount: '7', reference: 'wire 1' })
    assert.deepEqual([other.status, other.body.errors[0].pointer], [409, '/reference'])

    api.held.set(account.id, 60_000_000n)
    const much = await post(admin, `${path}/payouts`, { amount: '40.51', reference: 'out 1' })
    assert.deepEqual([much.status, much.body.code], [409, 'insufficient_funds'])
    assert.match(much.body.detail, /40\.50/)
    const out = await post(admin, `${path}/payouts`, { amount: '40.50', reference: 'out 1' })
    assert.deepEqual([out.status, out.body.amount, out.body.balance], [201, '-40.50', '60.00'])
    const repeat = await post(admin, `${path}/payouts`, { amount: '40.50', reference: 'out 1' })
    assert.deepEqual([repeat.status, repeat.body.id], [200, out.body.id])

    const ledger = await api.request('GET', `${path}/ledger`, { token: admin.token })
    const lines = ledger.body.data.map((entry: Json) => [entry['kind'], entry['amount'], entry['balance']])
    assert.deepEqual(lines, [
      ['payout', '-40.50', '60.00'],
      ['deposit', '100.50', '100.50'],
    ])
    const read = await api.request('GET', path, { token: admin.token })
    assert.deepEqual([read.body.balance, read.body.held, read.body.available], ['60.00', '60.00', '0.00'])
  })

  it('cannot be paid out twice by asking at once', async () => {
    const { account } = await api.person('seller', 'racer')
    await post(admin, `accounts/${account.id}/deposits`, { amount: '10', reference: 'in' })
    const replies = await Promise.all(
      Array.from({ length: 5 }, (_, i) =>
        post(admin, `accounts/${account.id}/payouts`, { amount: '10', reference: `out ${i}` }),
      ),
    )
    assert.deepEqual(
      replies.map(({ status }) => status).toSorted((a, b) => a - b),
      [201, 409, 409, 409, 409],
    )
  })

  it('adds up to nothing over all accounts', () => {
    const sum = api.stores.postings
      .flatMap(({ entries }) => entries)
      .reduce((total, { amountMicros }) => total + amountMicros, 0n)
    assert.equal(sum, 0n)
  })

  it('is refused when it is none', () =>
    refusesEach(
      api,
      admin,
      `accounts/${buyer.account.id}/deposits`,
      { amount: '1', reference: 'r' },
      {
        amount: ['0', 0, '-1', -1, '1e3', 'NaN', '', ' 1', '0x10', '1,000', null, `0.${'1'.repeat(40)}`, '99999999999'],
        reference: ['', 'x'.repeat(201), null],
      },
    ))

  it('has no door to the world outside', async () => {
    const reply = await post(admin, `accounts/${api.house.externalId}/deposits`, { amount: '1', reference: 'r' })
    assert.equal(reply.status, 409)
  })
})
