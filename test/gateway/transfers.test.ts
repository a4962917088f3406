import assert from 'node:assert/strict'
import type { Bridge } from '../../gateway/bridge.ts'
import type { BuyerLeg } from '../../gateway/buyer-leg.ts'
import type { Call } from '../../gateway/live-call.ts'
import type { ExchangeParts } from '../../gateway/parts.ts'
import type { SipRequest, SipResponse } from '../../gateway/srf.ts'
import { Transfers } from '../../gateway/transfers.ts'

describe('a wish for a transfer', () => {
  it('has to wait until both sides have said what they can hear', () => {
    const statuses: number[] = []
    const bridge = {
      isEnded: false,
      isAgreed: false,
      onRefer: (asked: (side: 'buyer', req: SipRequest, res: SipResponse) => void) =>
        asked('buyer', {} as SipRequest, { send: (status: number) => statuses.push(status) } as unknown as SipResponse),
    }
    const parts = { policies: { transfers: 'buyer' } }
    new Transfers(
      { caller: {} } as unknown as Call,
      bridge as unknown as Bridge,
      {} as BuyerLeg,
      parts as unknown as ExchangeParts,
    ).listen()
    assert.deepEqual(statuses, [491])
  })
})
