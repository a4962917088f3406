import assert from 'node:assert/strict'
import { LocalSlice } from '../../../gateway/reserving/local-slice.ts'
import { NO_CAPS } from '../../../model/caps.ts'
import type { Claim } from '../../../model/claim.ts'
import { newId, type HoldId } from '../../../model/ids.ts'
import { anAccount, NOON } from '../../support/market.ts'

const KEEP_MS = 15_000

describe('the slice of a gateway that has lost the shared counters', () => {
  it('holds funds for the most that a claim can cost, not for its price', () => {
    const slice = new LocalSlice(1, KEEP_MS)
    const claim = aClaim({ priceMicros: 100, fundsMicros: 1000 })
    slice.heard(claim, { kind: 'ok', availableMicros: 1000, free: [-1] }, 0)
    slice.begin(1)
    assert(slice.take(claim))
    assert.equal(slice.take(claim), null)
  })

  it('has no funds where there are other gateways: they may have held what was free', () => {
    const slice = new LocalSlice(2, KEEP_MS)
    const claim = aClaim({ priceMicros: 100, fundsMicros: 100 })
    slice.heard(claim, { kind: 'ok', availableMicros: 1e9, free: [-1] }, 0)
    slice.begin(1)
    assert.equal(slice.take(claim), null)
    assert(slice.take({ ...claim, priceMicros: 0, fundsMicros: 0 }))
  })

  it('is sold once, however often the counters are lost, until they have said what is free', () => {
    const slice = new LocalSlice(2, KEEP_MS)
    const claim = aClaim({ priceMicros: 0, fundsMicros: 0 }, 7)
    const free = (places: number) => ({ kind: 'ok', availableMicros: 0, free: [places] }) as const
    slice.heard(claim, free(6), 0)
    const sold = Array.from({ length: 8 }, (_, flap) => {
      slice.begin(flap)
      return Array.from({ length: 4 }, () => slice.take(claim)).filter((parts) => parts !== null)
    }).flat()
    assert.equal(sold.length, 3)
    slice.giveBack(sold[0]!)
    assert(slice.take(claim), 'what has come back of this word is sold again')
    slice.heard(claim, free(3), 9)
    slice.begin(10)
    slice.giveBack(sold[1]!)
    assert(slice.take(claim))
    assert.equal(slice.take(claim), null, 'what was sold before this word is no part of it')
  })
})

function aClaim(money: { priceMicros: number; fundsMicros: number }, concurrent: number | null = null): Claim {
  const caps = { ...NO_CAPS, concurrent }
  const counter = { name: 'account', caps, dailyMicros: null, totalMicros: null, hour: 0, day: 0, month: 0 }
  const buyerId = anAccount('a-buyer').id
  const whose = { id: newId<HoldId>(), buyerId, counters: [counter], contact: null, seller: null }
  return { ...whose, ...money, creditMicros: 0, atMs: NOON }
}
