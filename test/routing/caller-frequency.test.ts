import assert from 'node:assert/strict'
import type { PhoneNumber } from '../../model/phone-number.ts'
import { CallerFrequency } from '../../routing/caller-frequency.ts'

const HOUR = 3_600_000
const caller = (n: number): PhoneNumber => `+1212${String(n).padStart(7, '0')}` as PhoneNumber

describe('the frequency of callers', () => {
  it('forgets those that no longer matter', () => {
    const frequency = new CallerFrequency()
    for (let n = 0; n < 100_000; n++) {
      frequency.add(caller(n), 1, n * 1000) // An hour's worth is 3,600.
      assert.ok(frequency.size <= 2 * 3600 + 1, `${frequency.size} callers remembered`)
    }
    assert.equal(frequency.count(caller(99_999), 1, 100_000_000), 1)
    assert.equal(frequency.count(caller(1), 1, 100_000_000), 0)
  })

  it('gives back the call it counted', () => {
    const frequency = new CallerFrequency()
    frequency.add(caller(1), 2, 10)
    frequency.add(caller(1), 2, HOUR)
    frequency.remove(caller(1), 10)
    frequency.remove(caller(1), 10)
    frequency.remove(caller(2), 10)
    assert.equal(frequency.count(caller(1), 2, HOUR), 1)
    frequency.remove(caller(1), HOUR)
    assert.equal(frequency.size, 0)
  })
})
