import assert from 'node:assert/strict'
import fc from 'fast-check'
import { ConsentIndex, MAX_PER_NUMBER } from '../../../compliance/consent/consent-index.ts'
import { standingOf } from '../../../compliance/consent/standing.ts'
import { CONSENT_CHANNELS, type ConsentRecord, type KeptConsent } from '../../../model/consent.ts'
import { newId, type ConsentId } from '../../../model/ids.ts'
import type { PhoneNumber } from '../../../model/phone-number.ts'
import { aKeptConsent } from '../../support/consents.ts'

const NOW_MS = Date.parse('2026-11-22T12:00:00Z')
const NUMBER = '+12125550123' as PhoneNumber
const [ACME, BOLT] = [newId<never>(), newId<never>()]

describe('consents in memory', () => {
  it('are found by their number, the youngest first, with all that decisions ask', () => {
    const index = new ConsentIndex(1000)
    const old = aKeptConsent(NUMBER, [ACME], { certificates: ['jornaya'], certifiedAtMs: NOW_MS - 5000 })
    const young = aKeptConsent(NUMBER, [ACME, BOLT], { givenAtMs: NOW_MS - 60_000, sellers: 7, zip: '02134' })
    index.put(old)
    index.put(aKeptConsent('+13055550123', [ACME]))
    index.put(young)
    assert.deepEqual(index.validFor(NUMBER, NOW_MS), [
      {
        id: young.id,
        givenAtMs: NOW_MS - 60_000,
        certificates: [],
        certifiedAtMs: young.certifiedAtMs,
        sellers: 7,
        accounts: [ACME, BOLT],
        zip: '02134',
      },
      {
        id: old.id,
        givenAtMs: old.givenAtMs,
        certificates: ['jornaya'],
        certifiedAtMs: NOW_MS - 5000,
        sellers: 1,
        accounts: [ACME],
        zip: null,
      },
    ])
    assert.deepEqual(index.validFor('+12125550124' as PhoneNumber, NOW_MS), [])
  })

  it('are good from when they were given until they expire, and not once they are revoked', () => {
    const index = new ConsentIndex(1000)
    const consent = aKeptConsent(NUMBER, [ACME], { givenAtMs: NOW_MS, expiresAtMs: NOW_MS + 10_000 })
    index.put(consent)
    const at = (ms: number) => index.validFor(NUMBER, NOW_MS + ms).length
    assert.deepEqual([at(-1000), at(0), at(9_999), at(10_000)], [0, 1, 1, 0])
    assert.equal(index.lastRevokedMs(NUMBER), null)
    index.put({ ...consent, revokedAtMs: NOW_MS + 5_000 })
    assert.equal(at(1000), 0, 'a revocation is good for every call from now on')
    assert.equal(index.lastRevokedMs(NUMBER), NOW_MS + 5_000)
    assert.equal(index.size, 1)
    index.drop(consent)
    assert.deepEqual([index.size, index.lastRevokedMs(NUMBER)], [0, null])
  })

  it('to texts alone are none to calls; to autodialled calls they are', () => {
    const index = new ConsentIndex(1000)
    index.put(aKeptConsent(NUMBER, [ACME], { channels: ['text'] }))
    assert.deepEqual(index.validFor(NUMBER, NOW_MS), [])
    index.put(aKeptConsent(NUMBER, [ACME], { channels: ['autodial'] }))
    assert.equal(index.validFor(NUMBER, NOW_MS).length, 1)
  })

  it('of one number are so many at most: those go that are missed the least', () => {
    const index = new ConsentIndex(1000)
    const revoked = aKeptConsent(NUMBER, [ACME], { givenAtMs: NOW_MS - 9e9, revokedAtMs: NOW_MS - 1000 })
    index.put(revoked)
    const all = Array.from({ length: MAX_PER_NUMBER + 5 }, (_, i) =>
      aKeptConsent(NUMBER, [ACME], { givenAtMs: NOW_MS - 1e9 + i * 1000 }),
    )
    for (const consent of all) index.put(consent)
    assert.equal(index.size, MAX_PER_NUMBER)
    const youngest = all.toReversed().slice(0, MAX_PER_NUMBER - 1)
    assert.deepEqual(
      index.validFor(NUMBER, NOW_MS).map(({ id }) => id),
      youngest.map(({ id }) => id),
    )
    assert.equal(index.lastRevokedMs(NUMBER), NOW_MS - 1000, 'the consumer’s no is not forgotten')
  })

  it('are counted and left out where there is no room for them, until there is', () => {
    const index = new ConsentIndex(100)
    const all = Array.from({ length: 103 }, (_, i) => aKeptConsent(`+1212555${String(i).padStart(4, '0')}`, [ACME]))
    for (const consent of all) index.put(consent)
    assert.deepEqual([index.size, index.omitted], [100, 3])
    assert.deepEqual(index.validFor(all[102]!.number, NOW_MS), [])
    index.drop(all[0]!)
    index.put(all[102]!)
    assert.equal(index.validFor(all[102]!.number, NOW_MS).length, 1)
    index.put({ ...all[5]!, revokedAtMs: NOW_MS })
    assert.deepEqual(index.validFor(all[5]!.number, NOW_MS), [], 'one that is there is changed also when it is full')
  })

  it('are a hundred bytes each at the most, a million of them', function () {
    this.timeout(300_000)
    const index = new ConsentIndex(2_000_000)
    const accounts = Array.from({ length: 50 }, () => newId<never>())
    const one = aKeptConsent(NUMBER, [ACME])
    for (let i = 0; i < 1_000_000; i++) {
      const hex = i.toString(16).padStart(12, '0')
      const id = `019ab000-0000-7000-8000-${hex}` as ConsentId
      const number = `+1${2_000_000_000 + i * 7919}` as PhoneNumber
      index.put({ ...one, id, number, accounts: [accounts[i % 50]!] })
    }
    assert.equal(index.size, 1_000_000)
    const each = index.bytes / index.size
    assert.ok(each < 100, `${each} bytes each`)
    assert.equal(index.validFor('+12000007919' as PhoneNumber, NOW_MS).length, 1)
  })

  it('say of every call what the record itself says, whatever was put, changed and dropped before', () => {
    const numbers = ['+12125550101', '+12125550102', '+442079460123'] as PhoneNumber[]
    const seconds = fc.integer({ min: 1, max: 100 }).map((n) => NOW_MS + n * 1000)
    const made = fc.record({
      number: fc.constantFrom(...numbers),
      givenAtMs: seconds,
      expiresAtMs: fc.option(seconds),
      revokedAtMs: fc.option(seconds, { freq: 4 }),
      channels: fc.subarray([...CONSENT_CHANNELS], { minLength: 1 }),
      isDropped: fc.boolean(),
    })
    fc.assert(
      fc.property(fc.array(made, { maxLength: 25 }), seconds, (list, atMs) => {
        const index = new ConsentIndex(1000)
        const kept: KeptConsent[] = list.map(({ number, givenAtMs, expiresAtMs, revokedAtMs, channels }) =>
          aKeptConsent(number, [ACME], { givenAtMs, expiresAtMs, revokedAtMs, channels }),
        )
        for (const consent of kept) index.put({ ...consent, revokedAtMs: null })
        kept.forEach((consent, i) => (list[i]!.isDropped ? index.drop(consent) : index.put(consent)))
        for (const number of numbers) {
          const expected = kept.filter(
            (consent, i) =>
              consent.number === number &&
              !list[i]!.isDropped &&
              consent.revokedAtMs === null &&
              standingOf(asRecord(consent), { channel: 'call', atMs, accountId: ACME, sellerName: null }) === 'valid',
          )
          const found = index.validFor(number, atMs)
          assert.deepEqual(new Set(found.map(({ id }) => id)), new Set(expected.map(({ id }) => id)))
        }
      }),
      { numRuns: 1000 },
    )
  })
})

function asRecord({ givenAtMs, expiresAtMs, revokedAtMs, channels, accounts, number }: KeptConsent): ConsentRecord {
  return {
    number,
    givenAt: new Date(givenAtMs),
    expiresAt: expiresAtMs === null ? null : new Date(expiresAtMs),
    revocation:
      revokedAtMs === null ? null : { at: new Date(revokedAtMs), means: '', honouredBy: '', honouredAt: new Date() },
    channels,
    sellers: accounts.map((accountId) => ({ name: accountId, accountId })),
  } as unknown as ConsentRecord
}
