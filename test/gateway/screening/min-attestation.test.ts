import assert from 'node:assert/strict'
import type { Evidence } from '../../../gateway/screening/evidence.ts'
import type { Attestation } from '../../../model/stir.ts'
import { aBid, anAccount, change, criteria, dollars, marketOf } from '../../support/market.ts'
import { PingStage } from '../../support/ping-stage.ts'

/** What a verifier has found of every call from now on; null: no signature. */
function signed(stage: PingStage, attestation: Attestation | null): void {
  const verdict = attestation === null ? 'none' : 'passed'
  const result = { verdict, attestation, origId: null, signer: null, status: null, detail: 'as the test says' } as const
  const evidence: Evidence = {
    name: 'signature',
    order: 'before-law',
    deadlineMs: 100,
    onFailure: 'allow',
    keepsFromBuyers: false,
    gather: ({ invite }) =>
      invite === null ? null : { request: { attestation, signature: { result, assertion: null } } },
  }
  stage.asks(evidence)
}

/** Two buyers, of whom the one that bids more wants callers attested with A. */
function market(): PingStage {
  const stage = new PingStage()
  for (const bid of [aBid('asks', 5, { criteria: criteria({ minAttestation: 'A' }) }), aBid('plain', 3)]) {
    stage.apply(...marketOf(bid))
    stage.apply(change.account(anAccount(bid.accountId, { creditLimitMicros: dollars(100) })))
  }
  return stage
}
const buyers = ({ awards }: { awards: readonly { buyerId: string }[] }) => awards.map(({ buyerId }) => buyerId)

describe('a call’s attestation', () => {
  it('lets it to buyers that ask for it; without one it is sold to the others, and never refused', () => {
    const stage = market()
    assert.deepEqual(buyers(stage.call()), ['plain-buyer'], 'nobody verifies here')
    for (const [attestation, expected] of [
      ['A', ['asks-buyer', 'plain-buyer']],
      ['B', ['plain-buyer']],
      [null, ['plain-buyer']],
    ] as const) {
      signed(stage, attestation)
      assert.deepEqual(buyers(stage.call()), expected, String(attestation))
    }
  })

  it('is what a ping’s seller says it will be, and without that no such buyer makes an offer', () => {
    const stage = market()
    signed(stage, 'A')
    const plain = stage.accepted()
    assert.equal(stage.call({ token: plain.token }).call.promised?.award.buyerId, 'plain-buyer')
    const { token } = stage.accepted({ tags: { stir_attestation: 'a' } })
    assert.equal(stage.call({ token }).call.promised?.award.buyerId, 'asks-buyer')
  })

  it('that is less than its ping said has the call auctioned afresh', () => {
    const stage = market()
    for (const attestation of ['B', null] as const) {
      signed(stage, attestation)
      const { token } = stage.accepted({ tags: { stir_attestation: 'A' } })
      const sold = stage.call({ token })
      assert.deepEqual([sold.call.promised, buyers(sold)], [null, ['plain-buyer']])
      assert.ok(sold.call.trace.some(({ detail }) => detail === 'the call is not attested with A, as it said'))
    }
  })

  it('that is less than its ping said keeps no place from the call it came with', () => {
    const stage = market()
    stage.apply(
      change.bid(aBid('asks', 5, { status: 'paused' })),
      change.bid(aBid('plain', 3, { maxConcurrentCalls: 1 })),
    )
    signed(stage, 'B')
    const { token } = stage.accepted({ tags: { stir_attestation: 'A' } })
    assert.deepEqual(buyers(stage.call({ token })), ['plain-buyer'], 'its only place was kept for the ping')
    assert.equal(stage.pings.openCount, 0)
  })

  it('tells a pinging seller that it was missing, or too low', () => {
    const stage = market()
    stage.apply({ kind: 'bid', id: 'plain' as never, value: null })
    for (const [said, number] of [
      [undefined, 340],
      ['C', 341],
      ['nonsense', 340],
    ] as const) {
      const answer = stage.ask({ tags: said === undefined ? {} : { stir_attestation: said } })
      assert.deepEqual(answer.kind === 'rejected' && answer.reasons.map((one) => one.number), [number])
    }
  })
})
