import assert from 'node:assert/strict'
import type { GatewayRecord, OpenCall } from '../../gateway/needs.ts'
import { closeInterrupted } from '../../gateway/recovery.ts'
import { BUYER, DIALOG, OPERATOR_ACCOUNT_ID, callRecord, soldRecord } from '../support/records.ts'

describe('closing what a killed process left open', () => {
  const quiet = { warn: () => undefined } as unknown as Parameters<typeof closeInterrupted>[3]

  async function close(open: OpenCall): Promise<Extract<GatewayRecord, { kind: 'ended' }>> {
    const written: GatewayRecord[] = []
    const writer = { write: async (record: GatewayRecord) => void written.push(record), accepts: () => true }
    await closeInterrupted({ openCalls: async () => [open] }, writer, OPERATOR_ACCOUNT_ID, quiet)
    assert.equal(written.length, 1)
    assert.equal(written[0]!.kind, 'ended')
    return written[0] as Extract<GatewayRecord, { kind: 'ended' }>
  }

  function openedBy(sold: ReturnType<typeof soldRecord>, { isSold = true, billableAfter = 30 } = {}): OpenCall {
    const { call, terms, hold, callerDialog, buyerDialog } = sold
    return { call, sale: { terms: { ...terms, billableAfter }, hold }, isSold, callerDialog, buyerDialog }
  }

  it('bills nobody for a target that was ringing, though an earlier one had answered and hung up at once', async () => {
    const at = new Date()
    const call = callRecord({ state: 'answered', answeredAt: at, aliveAt: at })
    const sold = soldRecord(call)
    const { posting, call: closed } = await close(openedBy(sold, { isSold: false, billableAfter: 0 }))
    assert.equal(posting, null)
    assert.equal(closed.answeredAt, null)
    assert.equal(closed.outcome, 'interrupted')
  })

  it('bills nobody for an agent who was being asked, though an earlier one had answered and hung up at once', async () => {
    const at = new Date()
    const call = callRecord({ state: 'answered', answeredAt: at, aliveAt: at })
    const sold = soldRecord(call)
    // A caller who was asked before has a dialog all the while.
    const dialogs = { ...sold, callerDialog: DIALOG, buyerDialog: DIALOG }
    const { posting } = await close(openedBy(dialogs, { isSold: false, billableAfter: 0 }))
    assert.equal(posting, null)
  })

  it('bills nobody for a caller who was still being asked', async () => {
    const call = callRecord({ state: 'screening' })
    const open = { call, sale: null, isSold: false, callerDialog: DIALOG, buyerDialog: null }
    const { posting, call: closed } = await close(open)
    assert.equal(posting, null)
    assert.deepEqual([closed.outcome, closed.durationMs], ['interrupted', 0])
  })

  it('writes the audit’s line of a call that was screened, by what its record says', async () => {
    const checks = [
      { check: 'calling-hours', effect: 'allow', rule: 'hours', source: 'the law', detail: 'open' },
    ] as const
    const call = callRecord({ state: 'answered', checks })
    const { audit } = await close(openedBy(soldRecord(call)))
    const { id: callId, ani: number, receivedAt: at, sellerId, trunkId, numberId, vertical } = call
    const inputs = { leg: 'inbound', sellerId, trunkId, numberId, vertical }
    assert.deepEqual(audit, { callId, number, at, inputs, checks })
    assert.equal((await close(openedBy(soldRecord(callRecord({ checks: [] }))))).audit, null)
  })

  it('bills an answered one by its last mark', async () => {
    const answeredAt = new Date('2026-01-01T12:00:00Z')
    const aliveAt = new Date('2026-01-01T12:00:30Z')
    const call = callRecord({ state: 'answered', answeredAt, aliveAt })
    const sold = soldRecord(call, { callerDialog: DIALOG, buyerDialog: DIALOG })
    const { posting, call: closed } = await close(openedBy(sold))
    assert.equal(closed.durationMs, 30_000)
    assert.ok(posting!.entries.some(({ accountId }) => accountId === BUYER))
  })
})
