import assert from 'node:assert/strict'
import { REFUSALS, meaningOf } from '../../gateway/refusals.ts'

describe('refusals', () => {
  it('sound as the contract says', () => {
    const heard = Object.fromEntries(Object.entries(REFUSALS).map(([reason, { status }]) => [reason, status]))
    assert.deepEqual(
      [heard['unknown_source'], heard['trunk_limit'], heard['unknown_number'], heard['compliance'], heard['no_sale']],
      [403, 503, 404, 603, 480],
    )
  })

  it('say Retry-After only when the whole exchange is unwell', () => {
    const saying = Object.entries(REFUSALS).filter(([, meaning]) => meaning.retryAfterSeconds !== undefined)
    assert.deepEqual(saying.map(([reason]) => reason).toSorted(), ['overloaded', 'shutdown', 'storage_unavailable'])
  })

  it('call a reason that is not in the table a fault of ours', () => {
    assert.equal(meaningOf('buyer_hung_up').status, 500)
  })
})
