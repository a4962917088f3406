import assert from 'node:assert/strict'
import { MAX_ENDED, OwnDialogs } from '../../../gateway/transfers/own-dialogs.ts'
import type { Seat } from '../../../gateway/parties.ts'

function seat(n: number): Seat {
  const sip = { callId: `call-${n}`, localTag: 'ours', remoteTag: 'theirs' }
  return { side: 'buyer', leg: { dialog: { sip } } } as unknown as Seat
}
const named = (n: number, toTag = 'ours') => ({ callId: `call-${n}`, toTag, fromTag: 'theirs' })

describe('the dialogs of ours that Replaces may name', () => {
  it('are found by Call-ID and both tags, the first of which is ours', () => {
    const dialogs = new OwnDialogs()
    const one = seat(1)
    dialogs.add(one)
    assert.equal(dialogs.find(named(1)), one)
    assert.equal(dialogs.find({ ...named(1), toTag: 'theirs', fromTag: 'ours' }), null)
    assert.equal(dialogs.find(named(2)), null)
  })

  it('are known to have ended for a while, and only so many of them', () => {
    const dialogs = new OwnDialogs()
    for (let n = 0; n <= 2 * MAX_ENDED; n++) {
      dialogs.add(seat(n))
      dialogs.end(seat(n).leg)
      dialogs.end(seat(n).leg) // Its call ends, too.
    }
    assert.equal(dialogs.size, 0)
    assert.equal(dialogs.find(named(0)), null)
    assert.equal(dialogs.find(named(MAX_ENDED - 1)), null)
    assert.equal(dialogs.find(named(MAX_ENDED)), 'ended')
    assert.equal(dialogs.find(named(2 * MAX_ENDED)), 'ended')
  })
})
