import assert from 'node:assert/strict'
import type { CallRecord } from '../../model/cdr.ts'
import type { DomainEvent } from '../../model/events.ts'
import { newId } from '../../model/ids.ts'
import { refusesEach } from '../support/api-faults.ts'
import { startApi, type ApiHarness, type Person } from '../support/api-harness.ts'
import { sampleCall } from '../support/sample-calls.ts'

describe('disputes', () => {
  let api: ApiHarness
  let admin: Person
  let buyer: Person
  let seller: Person

  before(async () => {
    api = await startApi()
    admin = await api.person('operator')
    buyer = await api.person('buyer')
    seller = await api.person('seller')
  })
  after(() => api.api.close())

  const post = (person: Person, path: string, json: unknown = {}) =>
    api.request('POST', path, { token: person.token, json })
  const get = (person: Person, path: string) => api.request('GET', path, { token: person.token })

  /** A call that ended just now, 2.50 charged and 2.00 paid. */
  function paid(more: Partial<CallRecord> = {}): CallRecord {
    const endedAt = new Date(api.clock.now())
    const call = sampleCall(seller.account.id, { buyerId: buyer.account.id, endedAt, ...more })
    api.stores.callRecords.set(call.id, call)
    return call
  }
  const open = async (call = paid()): Promise<string> =>
    (await post(buyer, `calls/${call.id}/disputes`, { reason: 'wrong_area', note: 'called from abroad' })).body.id

  it('give the buyer its money back, once, and the seller’s share is taken', async () => {
    const call = paid()
    const opened = await post(buyer, `calls/${call.id}/disputes`, { reason: 'wrong_area', note: 'called from abroad' })
    assert.deepEqual(
      [opened.status, opened.body.state, opened.body.charged, opened.body.paid, opened.body.seller_id],
      [201, 'open', '2.50', null, null],
    )
    const told: DomainEvent[] = []
    const unsubscribe = api.bus.subscribe((event) => told.push(event))
    const accepts = await Promise.all([1, 2, 3].map(() => post(admin, `disputes/${opened.body.id}/accept`)))
    unsubscribe()
    assert.deepEqual(
      accepts.map(({ status }) => status).toSorted((a, b) => a - b),
      [200, 409, 409],
    )
    const { body } = accepts.find(({ status }) => status === 200)!
    assert.deepEqual([body.state, body.credit, body.clawback], ['accepted', '2.50', '2.00'])
    const postings = api.stores.postings.filter(({ reference }) => reference === `reversal of call ${call.id}`)
    assert.equal(postings.length, 1)
    assert.deepEqual(
      postings[0]!.entries.map(({ accountId, amountMicros }) => [accountId, amountMicros]),
      [
        [buyer.account.id, 2_500_000n],
        [seller.account.id, -2_000_000n],
        [api.house.operatorId, -500_000n],
      ],
    )
    assert.deepEqual(
      told.map(({ type, payload }) => [type, (payload as { amount: string }).amount]),
      [
        ['ledger.posted', '2.50'],
        ['ledger.posted', '-2.00'],
      ],
    )
  })

  it('give a part back, in whole cents and no more than was paid', async () => {
    const id = await open()
    const refused = async (credit: unknown) => {
      const { status, body } = await post(admin, `disputes/${id}/accept`, { credit })
      return [status, body.errors?.[0]?.pointer, body.errors?.[0]?.code]
    }
    assert.deepEqual(await refused('2.51'), [422, '/credit', 'too_big'])
    assert.deepEqual(await refused('1.005'), [422, '/credit', 'invalid_money'])
    assert.deepEqual(await refused('0'), [422, '/credit', 'too_small'])
    const { status, body } = await post(admin, `disputes/${id}/accept`, { credit: '1.01', note: 'half of it' })
    assert.deepEqual([status, body.credit, body.clawback, body.decision], [200, '1.01', '0.80', 'half of it'])
  })

  it('move nothing when they are rejected or withdrawn; a withdrawn one may be made again', async () => {
    const before = api.stores.postings.length
    const call = paid()
    const id = await open(call)
    assert.equal((await post(buyer, `calls/${call.id}/disputes`, { reason: 'other' })).status, 409)
    const withdrawn = await post(buyer, `disputes/${id}/withdraw`)
    assert.deepEqual([withdrawn.status, withdrawn.body.state, withdrawn.body.credit], [200, 'withdrawn', '0.00'])
    assert.equal((await post(admin, `disputes/${id}/accept`)).body.code, 'dispute_decided')
    const again = await open(call)
    assert.equal((await post(admin, `disputes/${again}/reject`, { note: 'the caller was in Ohio' })).status, 200)
    assert.equal((await post(buyer, `calls/${call.id}/disputes`, { reason: 'other' })).status, 409)
    assert.equal(api.stores.postings.length, before)
  })

  it('are of calls that were paid for, and for so many days; an administrator may later', async () => {
    const old = paid({ endedAt: new Date(api.clock.now() - 8 * 86_400_000) })
    const late = await post(buyer, `calls/${old.id}/disputes`, { reason: 'duplicate' })
    assert.deepEqual([late.status, late.body.code], [409, 'cannot_dispute'])
    assert.match(late.body.detail, /7 days/)
    assert.equal((await post(admin, `calls/${old.id}/disputes`, { reason: 'duplicate' })).status, 201)
    const free = paid({ priceMicros: 0n, payoutMicros: 0n })
    assert.equal((await post(buyer, `calls/${free.id}/disputes`, { reason: 'other' })).body.code, 'cannot_dispute')
    assert.equal((await post(buyer, `calls/${newId()}/disputes`, { reason: 'other' })).status, 404)
  })

  it('are of calls that are paid by conversion, by what was charged by then; a refund of all of it leaves nothing', async () => {
    const endedAt = new Date(api.clock.now() - 30 * 86_400_000)
    const call = paid({ priceMicros: 0n, payoutMicros: 0n, endedAt })
    const charge = (cents: number, days = 1) =>
      api.stores.conversions.set(call.id, {
        chargedMicros: BigInt(cents) * 10_000n,
        paidMicros: BigInt(cents) * 8_000n,
        at: new Date(api.clock.now() - days * 86_400_000),
      })
    const dispute = () => post(buyer, `calls/${call.id}/disputes`, { reason: 'fraud' })
    assert.equal((await dispute()).body.code, 'cannot_dispute', 'nothing was charged')
    charge(5000, 8)
    const late = await dispute()
    assert.deepEqual([late.body.code, late.status], ['cannot_dispute', 409])
    assert.match(late.body.detail, /after it was last charged/)
    charge(5000)
    const opened = await dispute()
    assert.deepEqual([opened.status, opened.body.charged], [201, '50.00'])
    charge(2000) // A part was refunded meanwhile.
    const accept = (json: unknown) => post(admin, `disputes/${opened.body.id}/accept`, json)
    assert.deepEqual((await accept({ credit: '20.01' })).body.errors[0].pointer, '/credit')
    api.stores.conversions.delete(call.id)
    assert.equal((await accept({})).body.code, 'cannot_dispute', 'all of it was refunded')
    charge(2000)
    const { body } = await accept({ credit: '5.00' })
    assert.deepEqual([body.state, body.charged, body.credit, body.clawback], ['accepted', '20.00', '5.00', '4.00'])
  })

  it('are read by both sides, neither learning the other’s price or name', async () => {
    const call = paid()
    const id = await open(call)
    const { body: ofSeller } = await get(seller, `disputes/${id}`)
    assert.deepEqual(
      [ofSeller.buyer_id, ofSeller.charged, ofSeller.credit, ofSeller.paid, ofSeller.note],
      [null, null, null, '2.00', ''],
    )
    const { body: list } = await get(seller, `disputes?call_id=${call.id}&state=open`)
    assert.deepEqual(
      list.data.map((each: { id: string }) => each.id),
      [id],
    )
    const stranger = await api.person('buyer', 'stranger')
    assert.equal((await get(stranger, `disputes/${id}`)).status, 404)
    assert.equal((await post(stranger, `disputes/${id}/withdraw`)).status, 404)
    assert.deepEqual((await get(stranger, 'disputes')).body.data, [])
    assert.equal((await post(seller, `calls/${call.id}/disputes`, { reason: 'other' })).status, 403)
    assert.equal((await post(buyer, `disputes/${id}/accept`)).status, 403)
  })

  it('are refused when they say nothing that can be judged', () =>
    refusesEach(
      api,
      buyer,
      `calls/${paid().id}/disputes`,
      { reason: 'other', note: 'n' },
      { reason: ['', 'because', null, 1], note: ['', 'x'.repeat(1001), 1, null] },
    ))
})
