import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { CallerLeg } from '../../gateway/caller-leg.ts'
import { Directory } from '../../gateway/directory.ts'
import { identify } from '../../gateway/identify.ts'
import { Call } from '../../gateway/live-call.ts'
import type { ExchangeParts } from '../../gateway/parts.ts'
import type { Signaling, SipRequest, SipResponse } from '../../gateway/srf.ts'
import { Trunks } from '../../gateway/trunks.ts'
import { newId } from '../../model/ids.ts'
import type { Trunk } from '../../model/trunk.ts'
import { Refusal } from '../../model/refusal.ts'
import { anAccount, aNumber, aTrunk } from '../support/market.ts'

const AUSTIN = { zip: '78701', city: 'Austin', state: 'TX', timezone: 'America/Chicago', lat: 30.27, lon: -97.74 }

const trunkOf = (seller: string, changes: Partial<Trunk> = {}): Trunk => aTrunk(seller, seller, changes)

function partsOf(trunks: readonly Trunk[], state: { draining?: boolean; accepts?: boolean; live?: number } = {}) {
  const book = new Trunks()
  const directory = new Directory()
  for (const trunk of trunks) {
    const seller = anAccount(trunk.accountId, { type: 'seller' })
    book.apply({ kind: 'trunk', id: trunk.id, value: trunk })
    directory.apply({ kind: 'account', id: seller.id, value: seller })
  }
  const number = aNumber()
  directory.apply({ kind: 'number', id: number.id, value: number })
  return {
    trunks: book,
    directory,
    places: { ofNumber: () => [], ofZip: (zip: string) => (zip === AUSTIN.zip ? AUSTIN : null) },
    writer: { accepts: () => state.accepts ?? true },
    announcements: { received: () => {}, trunkLimited: () => {} },
    liveCalls: { size: state.live ?? 1 },
    limits: { maxConcurrentCalls: 10 },
    draining: () => state.draining ?? false,
  } as unknown as ExchangeParts
}

function callFrom(headers: Record<string, string> = {}, uri = 'sip:+18005550100@192.0.2.1'): Call {
  const all: Record<string, string> = { From: '<sip:+12125550123@192.0.2.7>;tag=a', To: `<${uri}>`, ...headers }
  const request = Object.assign(new EventEmitter(), {
    uri,
    source_address: '192.0.2.7',
    get: (name: string) => all[name],
  })
  const caller = new CallerLeg(
    {} as unknown as Signaling,
    request as unknown as SipRequest,
    {} as unknown as SipResponse,
  )
  return new Call({ id: newId(), caller, receivedAt: new Date(), monotonicMs: () => 0 })
}

const refusedFor = (reason: string) => (error: unknown) => error instanceof Refusal && error.reason === reason

describe('identifying a call', () => {
  it('knows trunk, seller, number and caller', () => {
    const call = callFrom()
    identify(call, partsOf([trunkOf('seller')]))
    assert.equal(call.facts?.trunk.name, 'seller')
    assert.equal(call.facts?.number?.number, '+18005550100')
    assert.equal(call.facts?.ani, '+12125550123')
  })

  it('picks, among trunks of one address, the one whose account owns the number', () => {
    const call = callFrom()
    identify(call, partsOf([trunkOf('a stranger'), trunkOf('seller')]))
    assert.equal(call.facts?.seller.id, 'seller')
  })

  it('reads the ZIP code and the origination that a seller supplies, and nothing that is none', () => {
    const told = callFrom({ 'X-DCE-Zip': '78701', 'X-DCE-Originated-At': '2026-06-17T16:00:00Z' })
    identify(told, partsOf([trunkOf('seller')]))
    assert.equal(told.facts?.zip?.city, 'Austin')
    assert.equal(told.facts?.originatedAtMs, Date.parse('2026-06-17T16:00:00Z'))
    const nonsense = callFrom({ 'X-DCE-Zip': '7870', 'X-DCE-Originated-At': 'yesterday' })
    identify(nonsense, partsOf([trunkOf('seller')]))
    assert.equal(nonsense.facts?.zip, null)
    assert.equal(nonsense.facts?.originatedAtMs, null)
  })

  it('refuses a source that is nobody’s, another seller’s number, and a suspended seller', () => {
    assert.throws(() => identify(callFrom(), partsOf([])), refusedFor('unknown_source'))
    assert.throws(() => identify(callFrom(), partsOf([trunkOf('a stranger')])), refusedFor('unknown_number'))
    const parts = partsOf([trunkOf('seller')])
    const seller = anAccount('seller', { type: 'seller', status: 'suspended' })
    parts.directory.apply({ kind: 'account', id: seller.id, value: seller })
    assert.throws(() => identify(callFrom(), parts), refusedFor('account_inactive'))
  })

  for (const [what, state, reason] of [
    ['it is draining', { draining: true }, 'shutdown'],
    ['the records of a new call would find no room', { accepts: false }, 'storage_unavailable'],
    ['it has its most concurrent calls', { live: 11 }, 'overloaded'],
  ] as const) {
    it(`refuses and only counts when ${what}`, () => {
      const call = callFrom()
      assert.throws(() => identify(call, partsOf([trunkOf('seller')], state)), refusedFor(reason))
      assert.equal(call.countOnly, true)
    })
  }

  it('gives the trunk’s place back with the call’s other releases', () => {
    const parts = partsOf([trunkOf('seller', { maxConcurrentCalls: 1 })])
    const first = callFrom()
    identify(first, parts)
    assert.throws(() => identify(callFrom(), parts), refusedFor('trunk_limit'))
    for (const release of first.releases) release()
    identify(callFrom(), parts)
  })
})
