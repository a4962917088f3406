import assert from 'node:assert/strict'
import { FEATURE_NAMES, placeOfFeature, type FeatureName } from '../../../compliance/fraud/features/feature-names.ts'
import { FeatureSet } from '../../../compliance/fraud/features/feature-set.ts'
import type { AccountId, NumberId, TargetId, TrunkId } from '../../../model/ids.ts'
import type { PhoneNumber } from '../../../model/phone-number.ts'
import { arriving, ended, MONDAY_MS } from './support.ts'

type Said = Parameters<typeof arriving>[0]

function watched() {
  const set = new FeatureSet({
    callers: 64,
    blocks: 64,
    numbers: 64,
    sellers: 8,
    trunks: 8,
    targets: 8,
    saidPlaces: 16,
    open: 16,
  })
  let calls = 0
  return {
    set,
    /** The features of a call so many seconds after Monday began. */
    call: (seconds: number, said: Said = {}) => {
      const id = `call-${++calls}`
      const features = Float64Array.from(set.arrive(arriving({ id, atMs: MONDAY_MS + seconds * 1000, ...said })))
      return { id, of: (name: FeatureName) => features[placeOfFeature(name)!]! }
    },
    end: (id: string, seconds: number, said: Parameters<typeof ended>[0] = {}) => {
      set.end(ended({ id, endedAtMs: MONDAY_MS + seconds * 1000, ...said }))
    },
  }
}

const caller = (n: number) => `+1212552${String(n).padStart(4, '0')}`

describe('the features of a call', () => {
  it('have a name each, once, and a value that is a number', () => {
    assert.equal(new Set(FEATURE_NAMES).size, FEATURE_NAMES.length)
    const features = new FeatureSet().arrive(arriving({}))
    assert.equal(features.length, FEATURE_NAMES.length)
    for (const [at, value] of features.entries()) assert.ok(Number.isFinite(value), FEATURE_NAMES[at])
    assert.equal(placeOfFeature('caller.mood'), null)
  })

  it('count the calls of its caller, its block, its number, its seller and its trunk, this one included', () => {
    const { call } = watched()
    const first = call(0)
    for (const subject of ['caller', 'block', 'number', 'seller', 'trunk'] as const) {
      assert.equal(first.of(`${subject}.calls1h`), 1)
      assert.equal(first.of(`${subject}.gap`), 86_400)
      assert.equal(first.of(`${subject}.open`), 1)
    }
    call(2, { ani: caller(1) })
    const third = call(4)
    assert.equal(third.of('caller.calls1h'), 2)
    assert.equal(third.of('caller.gap'), 4)
    assert.equal(third.of('number.calls1h'), 3)
    assert.equal(third.of('number.gap'), 2)
    assert.equal(third.of('number.leastGap'), 2)
    assert.equal(third.of('trunk.open'), 3)
    assert.ok(Math.abs(third.of('seller.distinct') - 2) < 0.2)
    const elsewhere = call(6, { trunkId: 'other' as TrunkId })
    assert.equal(elsewhere.of('trunk.calls1h'), 1)
    assert.equal(elsewhere.of('seller.calls1h'), 4)
  })

  it('tell how many numbers a caller calls, and how many callers a block has', () => {
    const { call } = watched()
    let last = call(0)
    for (let i = 1; i < 8; i++) last = call(i, { numberId: `number-${i}` as NumberId })
    assert.ok(Math.abs(last.of('caller.distinct') - 8) < 2, String(last.of('caller.distinct')))
    assert.equal(Math.round(last.of('caller.others')), 1)
    // Twelve numbers of one block that rotate their last digits.
    for (let i = 0; i < 12; i++) last = call(60 + i, { ani: `+12125552${String(i * 37).padStart(3, '0')}` })
    assert.ok(Math.abs(last.of('block.distinct') - 12) < 4)
    assert.equal(last.of('caller.calls1d'), 1)
  })

  it('know numbers that follow one another, however many others call between them', () => {
    const { call } = watched()
    assert.equal(call(0, { ani: caller(100) }).of('caller.sequential'), 0)
    for (let i = 1; i < 5; i++) assert.equal(call(i, { ani: caller(1000 + i * 50) }).of('caller.sequential'), 0)
    const next = call(9, { ani: caller(101) })
    assert.equal(next.of('caller.sequential'), 1)
    assert.ok(next.of('seller.sequentialShare') > 0.1)
    assert.equal(call(10, { ani: caller(106) }).of('caller.sequential'), 0)
    assert.equal(call(9 + 3_601, { ani: caller(102) }).of('caller.sequential'), 0) // An hour later.
  })

  it('tell of its seller how its calls ended', () => {
    const { call, end } = watched()
    for (let i = 0; i < 20; i++) end(call(i * 100, { ani: caller(i * 10) }).id, i * 100 + 62, { durationMs: 62_000 })
    const hugged = call(2000)
    assert.ok(hugged.of('seller.huggingShare') > 0.85)
    assert.ok(hugged.of('seller.billedShare') > 0.85)
    assert.ok(hugged.of('seller.answeredShare') > 0.9)
    assert.ok(Math.abs(hugged.of('seller.medianSeconds') - 62) < 1)
    assert.ok(Math.abs(hugged.of('seller.pddSeconds') - 0.9) < 0.01)
    assert.ok(Math.abs(hugged.of('seller.ended') - 20) < 3)
    assert.equal(hugged.of('seller.open'), 1)
    for (let i = 0; i < 40; i++) {
      const { id } = call(3000 + i, { ani: caller(500 + i * 10) })
      end(id, 3001 + i, { durationMs: 900, isBilled: false, audioFault: 'no_audio' })
    }
    const short = call(3100)
    assert.ok(short.of('seller.veryShortShare') > 0.6)
    assert.ok(short.of('seller.faultyShare') > 0.6)
    assert.ok(short.of('seller.huggingShare') < 0.4)
    assert.ok(short.of('seller.medianSeconds') < 10)
  })

  it('know its caller by earlier calls that were paid for, and one ring after another', () => {
    const { call, end } = watched()
    end(call(0).id, 120)
    const again = call(200)
    assert.ok(again.of('caller.billed') > 0.99)
    assert.ok(again.of('seller.repeatShare') > 0.3)
    for (let i = 0; i < 10; i++)
      end(call(300 + i).id, 301 + i, { outcome: 'cancelled', durationMs: 0, isBilled: false })
    assert.ok(call(400).of('caller.oneRingShare') > 0.7)
  })

  it('tell of the target that the last call to the number reached', () => {
    const { call, end } = watched()
    assert.equal(call(0).of('target.calls1h'), 0)
    for (let i = 1; i < 6; i++) end(call(i, { ani: caller(i * 10) }).id, i + 1)
    const told = call(10)
    assert.equal(told.of('target.calls1h'), 5)
    assert.ok(Math.abs(told.of('target.distinct') - 5) < 1)
    end(told.id, 12, { targetId: 'other' as TargetId })
    assert.equal(call(20).of('target.calls1h'), 1)
    end(call(21).id, 22, { targetId: null, outcome: 'no_sale', durationMs: 0, isBilled: false })
    assert.equal(call(23).of('target.calls1h'), 1)
  })

  it('say nothing of the caller of a withheld number', () => {
    const { call, end } = watched()
    end(call(0, { ani: null }).id, 60)
    const second = call(1, { ani: null })
    assert.equal(second.of('call.withheld'), 1)
    assert.equal(second.of('caller.calls1h'), 0)
    assert.equal(second.of('block.gap'), 86_400)
    assert.equal(second.of('seller.calls1h'), 2)
    assert.ok(second.of('seller.withheldShare') > 0.5)
  })

  it('tell what is unusual of its trunk', () => {
    const { call } = watched()
    for (let i = 0; i < 12; i++) call(i, { ani: caller(i * 10) })
    const odd = call(20, { sourceAddress: '198.51.100.1', userAgent: 'dialler', codecs: ['G729'] })
    assert.equal(odd.of('trunk.otherAddress'), 1)
    assert.equal(odd.of('trunk.otherUserAgent'), 1)
    assert.equal(odd.of('trunk.otherCodecs'), 1)
    assert.equal(call(21).of('trunk.otherAddress'), 0)
  })

  it('take what is not known of calls of before a start for no example of what is usual', () => {
    const { call } = watched()
    const unknown = { sourceAddress: '', userAgent: null, codecs: [], saidState: null }
    for (let i = 0; i < 100; i++) call(i, { ani: caller(i * 10), ...unknown })
    for (let i = 100; i < 200; i++) {
      // Half of this seller's consumers have moved, as ever.
      const made = call(i, { ani: caller(i * 10), saidState: i % 2 === 0 ? 'CA' : 'NY' })
      for (const name of ['trunk.otherAddress', 'trunk.otherUserAgent', 'trunk.otherCodecs'] as const)
        assert.equal(made.of(name), 0, name)
      assert.ok(made.of('seller.misplacedCusum') < 2)
    }
  })

  it('tell how many callers a seller says are in one state, and what share of their numbers is of elsewhere', () => {
    const { call } = watched()
    const said = (seconds: number, number: number, saidState: string | null, more: Said = {}) => {
      const { of } = call(seconds, { ani: caller(number), saidState, ...more })
      return [of('said.callers'), of('said.misplacedShare')].map((value) => Math.round(value * 1000) / 1000)
    }
    assert.deepEqual(said(0, 1, null), [0, 0.05])
    // Numbers of New York: what is believed of nobody weighs as much as two callers.
    assert.deepEqual(
      said(0, 10, 'CA'),
      [1, 1.1 / 3].map((value) => Math.round(value * 1000) / 1000),
    )
    assert.deepEqual(said(0, 20, 'CA'), [2, 0.525])
    assert.deepEqual(said(0, 20, 'CA'), [2, 0.525], 'who calls again is counted once')
    assert.deepEqual(said(0, 30, 'CA', { numberStates: [] }), [2, 0.525], 'nobody knows where that number is of')
    assert.deepEqual(said(0, 40, 'NY'), [1, 0.033], 'another state')
    assert.deepEqual(said(0, 50, 'CA', { sellerId: 'other' as AccountId }), [1, 0.367], 'another seller')
    assert.deepEqual(said(0, 60, 'CA', { numberStates: ['NV', 'CA'] }), [3, 0.42])
    assert.deepEqual(said(7_200, 70, 'CA'), [2.5, 0.467], 'half as much after two hours')
    assert.deepEqual(said(7_200, 80, null), [0, 0.05])
  })

  it('know no more sellers and states than they may', () => {
    const { set, call } = watched()
    for (let i = 0; i < 500; i++) {
      const saidState = `${String.fromCharCode(65 + (i % 26))}${String.fromCharCode(65 + Math.floor(i / 26))}`
      call(i, { ani: caller(i * 10), saidState })
    }
    assert.equal(set.sizes().saidPlaces, 16)
    // Of a state that was forgotten nothing is known: this call is the first.
    assert.equal(call(500, { ani: caller(9_000), saidState: 'AA' }).of('said.callers'), 1)
  })

  it('have no call open longer than the longest may be, whose end nobody has told', () => {
    const { set, call, end } = watched()
    for (let i = 0; i < 6; i++) call(i)
    set.forgetOpen(MONDAY_MS + 4_000)
    assert.equal(set.sizes().open, 2)
    end('call-1', 7) // Forgotten: nothing happens.
    const next = call(8)
    assert.deepEqual([next.of('caller.open'), next.of('number.open'), next.of('seller.open')], [3, 3, 3])
  })

  it('keep to their limits, and forget who has not called for longest', () => {
    const { set, call, end } = watched()
    for (let i = 0; i < 2_000; i++) {
      call(i, {
        ani: `+1${200 + (i % 700)}5552${String(i % 1000).padStart(3, '0')}`,
        numberId: `number-${i}` as NumberId,
        trunkId: `trunk-${i}` as TrunkId,
        dnis: '+18885551234' as PhoneNumber,
      })
    }
    assert.deepEqual(set.sizes(), {
      callers: 64,
      blocks: 64,
      numbers: 64,
      sellers: 1,
      trunks: 8,
      targets: 0,
      saidPlaces: 0,
      open: 16,
    })
    const last = call(2_000)
    // Of 2,001 calls none has ended, but all that are remembered as open are sixteen.
    assert.equal(last.of('seller.open'), 16)
    assert.equal(last.of('caller.calls1h'), 1)
    end('call-1', 2_001) // Forgotten: nothing happens.
    end('of another time', 2_001)
    assert.equal(call(2_002).of('seller.ended'), 0)
  })

  it('are the same for the same calls', () => {
    const told = [1, 2].map(() => {
      const { call, end } = watched()
      const sums = Array.from({ length: 300 }, (_, i) => {
        const made = call(i * 7, { ani: caller((i * 13) % 90), saidState: i % 3 === 0 ? 'CA' : null })
        if (i % 2 === 0) end(made.id, i * 7 + 3, { durationMs: (i % 70) * 1000 })
        return FEATURE_NAMES.map((name) => made.of(name))
      })
      return JSON.stringify(sums)
    })
    assert.equal(told[0], told[1])
  })
})
