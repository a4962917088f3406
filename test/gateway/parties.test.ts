import assert from 'node:assert/strict'
import type { Bridge } from '../../gateway/bridge.ts'
import type { Call } from '../../gateway/live-call.ts'
import { OwnDialogs } from '../../gateway/transfers/own-dialogs.ts'
import { MAX_CHANGES, Parties } from '../../gateway/parties.ts'

function partiesOf(isAgreed: boolean) {
  const { promise: ended, resolve: end } = Promise.withResolvers<void>()
  const sip = (side: string) => ({ callId: side, localTag: 'ours', remoteTag: 'theirs' })
  const legs = { caller: { dialog: { sip: sip('caller') } }, buyer: { dialog: { sip: sip('buyer') } } }
  const bridge = { isAgreed, ended, legOf: (side: 'caller' | 'buyer') => legs[side] }
  const call = { soldAttempt: { target: { uri: 'sip:agent@dce', accountId: 'buyer' } } }
  const ownDialogs = new OwnDialogs()
  const parties = new Parties({
    call: call as unknown as Call,
    bridge: bridge as unknown as Bridge,
    register: ownDialogs,
    isBuyerKnownByAddress: false,
    write: () => {},
  })
  return { parties, ownDialogs, end }
}

describe('the parties of a call', () => {
  it('stay until both sides have said what they can hear', () => {
    assert.equal(partiesOf(false).parties.begin(), 491)
  })

  it('change one at a time, and only so often', () => {
    const { parties } = partiesOf(true)
    for (let n = 0; n < MAX_CHANGES; n++) {
      const finish = parties.begin()
      assert.ok(typeof finish === 'function')
      assert.equal(parties.begin(), 491)
      finish()
    }
    assert.equal(parties.begin(), 603)
  })

  it('can be named while the call is up', async () => {
    const { parties, ownDialogs, end } = partiesOf(true)
    const named = { callId: 'buyer', toTag: 'ours', fromTag: 'theirs' }
    const found = ownDialogs.find(named)
    assert.ok(found !== null && found !== 'ended')
    assert.deepEqual([found.parties, found.side], [parties, 'buyer'])
    assert.deepEqual([parties.accountOf('buyer'), parties.isKnownByAddress('buyer')], ['buyer', false])
    end()
    await new Promise(setImmediate)
    assert.deepEqual([ownDialogs.size, ownDialogs.find(named)], [0, 'ended'])
  })
})
