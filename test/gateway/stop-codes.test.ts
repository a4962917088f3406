import assert from 'node:assert/strict'
import { stopsAt } from '../../gateway/stop-codes.ts'
import type { Campaign } from '../../model/bid.ts'

const campaign = (stopCodes: Campaign['stopCodes']): Campaign => ({ stopCodes }) as Campaign

describe('stop codes', () => {
  it('are the campaign’s, or else the exchange’s', () => {
    assert.equal(stopsAt(603, campaign([603]), []), true)
    assert.equal(stopsAt(486, campaign([603]), [486]), false)
    assert.equal(stopsAt(486, campaign(null), [486]), true)
    assert.equal(stopsAt(486, undefined, [486]), true)
    assert.equal(stopsAt(486, campaign([]), [486]), false)
  })

  it('are never met by a target that did not answer at all', () => {
    assert.equal(stopsAt(null, campaign([408, 480]), [408]), false)
  })
})
