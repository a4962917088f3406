import assert from 'node:assert/strict'
import { Distinct } from '../../../compliance/fraud/features/distinct.ts'
import { blockOf, digitsOf, hashText, hashTexts, mixNumber } from '../../../compliance/fraud/features/hash.ts'
import { RATE_WINDOWS_MS, Rates } from '../../../compliance/fraud/features/rates.ts'
import { SlotTable } from '../../../compliance/fraud/features/slot-table.ts'
import { Usual } from '../../../compliance/fraud/features/usual.ts'
import { MONDAY_MS } from './support.ts'

describe('the hashes of calls', () => {
  it('are whole numbers, alike for what is alike and for nothing else', () => {
    const texts = Array.from(
      { length: 20_000 },
      (_, index) => `0192f0c0-0000-7000-8000-${String(index).padStart(12, '0')}`,
    )
    const hashes = new Set(texts.map(hashText))
    assert.equal(hashes.size, texts.length)
    for (const hash of hashes) assert.ok(Number.isSafeInteger(hash) && hash > 0)
    assert.equal(hashText(texts[7]!), hashText(texts[7]!))
    assert.notEqual(hashTexts(['PCMU', 'PCMA']), hashTexts(['PCMA', 'PCMU']))
    assert.equal(digitsOf('+12125550123'), 12125550123)
    assert.equal(blockOf(digitsOf('+12125550123')), 12125550)
  })
})

describe('a table of slots', () => {
  it('finds a place for each key, and takes it from whoever used it least lately', () => {
    const table = new SlotTable(8)
    assert.equal(table.capacity, 8)
    const slots = new Set(Array.from({ length: 8 }, (_, index) => table.take(index + 1, 100 + index)))
    assert.equal(slots.size, 8)
    assert.equal(table.isNew, true)
    table.take(1, 200)
    assert.equal(table.isNew, false)
    assert.equal(table.take(9, 300), table.find(9))
    assert.equal(table.evicted, 2) // 1 has been used since.
    assert.equal(table.find(2), -1)
    assert.equal(table.size, 8)
  })

  it('never holds more than there is room for, and no key twice', () => {
    const table = new SlotTable(1000)
    assert.equal(table.capacity, 1024)
    const held = new Map<number, number>()
    for (let key = 1; key <= 50_000; key++) {
      const slot = table.take(key, key)
      held.set(slot, key)
    }
    assert.equal(table.size, 1024)
    for (const [slot, key] of held) assert.equal(table.find(key), slot)
  })

  it('has room again for what was taken out', () => {
    const table = new SlotTable(8)
    const slot = table.take(5, 1)
    assert.equal(table.remove(5), slot)
    assert.equal(table.remove(5), -1)
    assert.equal(table.size, 0)
    assert.equal(table.find(0), -1)
  })
})

describe('the rates of calls', () => {
  it('are exact where calls come evenly, and within one window where they do not', () => {
    const rates = new Rates(2)
    const told = new Float64Array(RATE_WINDOWS_MS.length)
    const times: number[] = []
    let at = MONDAY_MS
    for (let index = 0; index < 2_500; index++) {
      at += index < 1_200 ? 1_000 : Math.floor(-Math.log(1 - mixNumber(index) / 2 ** 32) * 2_000)
      times.push(at)
      rates.add(1, at)
      rates.write(1, at, told, 0)
      for (const [window, ms] of RATE_WINDOWS_MS.entries()) {
        const truly = times.filter((each) => each > at - ms).length
        const twice = times.filter((each) => each > at - 2 * ms).length
        assert.ok(told[window]! <= twice + 1e-6, `${told[window]} of at most ${twice}`)
        if (index < 1_200) assert.ok(Math.abs(told[window]! - truly) <= 1.001, `${told[window]} is not ${truly}`)
      }
    }
    rates.write(0, at, told, 0)
    assert.deepEqual([...told], [0, 0, 0, 0])
  }).timeout(20_000)

  it('are nothing once two windows have passed, and again when cleared', () => {
    const rates = new Rates(1)
    const told = new Float64Array(4)
    for (let index = 0; index < 10; index++) rates.add(0, MONDAY_MS)
    rates.write(0, MONDAY_MS + 120_000, told, 0)
    assert.deepEqual([told[0], told[1]], [0, 0])
    assert.ok(told[2]! > 9)
    rates.clear(0)
    rates.write(0, MONDAY_MS + 120_000, told, 0)
    assert.deepEqual([...told], [0, 0, 0, 0])
  })
})

describe('the count of different keys', () => {
  for (const registers of [32, 64])
    it(`is near the truth with ${registers} registers, from none to thousands`, () => {
      const errors: number[] = []
      for (let trial = 0; trial < 40; trial++) {
        const distinct = new Distinct({ slots: 1, registers, halfMs: 1_800_000 })
        let keys = 0
        for (const most of [0, 1, 5, 40, 400, 4_000]) {
          while (keys < most) {
            keys++
            // Each of them twice: the second time adds nothing to the count.
            distinct.add(0, trial * 100_000 + keys, MONDAY_MS)
            distinct.add(0, trial * 100_000 + keys, MONDAY_MS)
          }
          const told = distinct.count(0, MONDAY_MS)
          if (most === 0) assert.equal(told, 0)
          else errors.push(Math.abs(told - most) / most)
        }
        assert.equal(distinct.added(0), 8_000)
      }
      const mean = errors.reduce((sum, error) => sum + error, 0) / errors.length
      assert.ok(mean < 1.2 / Math.sqrt(registers), `a mean error of ${mean}`)
    })

  it('forgets whoever has not come for a whole half, and counts nobody twice who came in both', () => {
    const distinct = new Distinct({ slots: 1, registers: 64, halfMs: 1_000 })
    for (let key = 1; key <= 10; key++) distinct.add(0, key, MONDAY_MS)
    for (let key = 1; key <= 10; key++) distinct.add(0, key, MONDAY_MS + 1_000)
    const both = distinct.count(0, MONDAY_MS + 1_000)
    assert.ok(both > 8 && both < 13, String(both))
    assert.equal(distinct.added(0), 20)
    assert.ok(Math.abs(distinct.count(0, MONDAY_MS + 2_000) - both) < 1e-9)
    assert.equal(distinct.added(0), 10)
    assert.equal(distinct.count(0, MONDAY_MS + 3_000), 0)
  })
})

describe('what is usual', () => {
  it('is what most calls had, once there were enough, and follows a change', () => {
    const usual = new Usual(1, 2)
    assert.equal(usual.differs(0, 0, 7), 0)
    assert.equal(usual.differs(0, 0, 8), 0) // One call tells nothing.
    for (let call = 0; call < 12; call++) usual.differs(0, 0, 7)
    assert.equal(usual.differs(0, 0, 8), 1)
    assert.equal(usual.differs(0, 1, 8), 0) // Another respect.
    const until = Array.from({ length: 40 }, () => usual.differs(0, 0, 8)).lastIndexOf(1)
    assert.ok(until >= 0 && until < 20)
  })
})
