import assert from 'node:assert/strict'
import { reverse } from '../../accounts/reversal.ts'
import type { Dispute, DisputeDecision } from '../../model/dispute.ts'
import { newId, type AccountId } from '../../model/ids.ts'
import { OPERATOR_ACCOUNT_ID } from '../../storage/house-accounts.ts'
import { accountDraft } from '../support/drafts.ts'
import { openTestStorage, type TestStorage } from '../support/storage.ts'

describe('disputes in storage', () => {
  let storage: TestStorage
  let buyerId: AccountId
  let sellerId: AccountId
  before(async () => {
    storage = await openTestStorage()
    await storage.book.load(() => {})
    buyerId = (await storage.stores.accounts.create({ ...accountDraft(), type: 'buyer' })).id
    sellerId = (await storage.stores.accounts.create({ ...accountDraft(), type: 'seller' })).id
  })
  after(() => storage.close())

  let openedMs = Date.now()
  const opened = async (changes: Partial<Dispute> = {}): Promise<Dispute> => {
    const dispute: Dispute = {
      id: newId(),
      callId: newId(),
      buyerId,
      sellerId,
      currency: 'USD',
      chargedMicros: 2_500_000n,
      paidMicros: 2_000_000n,
      reason: 'duplicate',
      note: 'twice',
      state: 'open',
      openedAt: new Date((openedMs += 1000)),
      decidedAt: null,
      decision: null,
      creditMicros: 0n,
      clawbackMicros: 0n,
      postingId: null,
      ...changes,
    }
    await storage.stores.disputes.open(dispute)
    return dispute
  }

  function acceptance(dispute: Dispute) {
    const at = new Date()
    const terms = { ...dispute, creditMicros: 1_500_000n, at, postingId: newId<never>() }
    const { posting, clawbackMicros } = reverse({ ...terms, operatorId: OPERATOR_ACCOUNT_ID })
    const decision: DisputeDecision = {
      state: 'accepted',
      decidedAt: at,
      decision: 'so it was',
      chargedMicros: dispute.chargedMicros,
      paidMicros: dispute.paidMicros,
      creditMicros: 1_500_000n,
      clawbackMicros,
      postingId: posting.id,
    }
    return { posting, decision }
  }

  const REFUSED: DisputeDecision = {
    state: 'withdrawn',
    decidedAt: new Date(),
    decision: null,
    chargedMicros: 2_500_000n,
    paidMicros: 2_000_000n,
    creditMicros: 0n,
    clawbackMicros: 0n,
    postingId: null,
  }

  it('are decided once, with their money, however many decide at once', async () => {
    const { disputes } = storage.stores
    const dispute = await opened()
    const each = Array.from({ length: 8 }, () => acceptance(dispute))
    const answers = await Promise.all([
      ...each.map(({ decision, posting }) => disputes.decide(dispute.id, decision, posting)),
      disputes.decide(dispute.id, REFUSED, null),
    ])
    const decided = answers.filter((answer) => answer !== null)
    assert.equal(decided.length, 1)
    assert.deepEqual(await disputes.find(dispute.id), decided[0])
    const entries = await storage.stores.ledger.entries(buyerId, { limit: 10, cursor: null })
    const credited = decided[0]!.state === 'accepted' ? [1_500_000n] : []
    assert.deepEqual(
      entries.data.map(({ amountMicros }) => amountMicros),
      credited,
    )
    assert.deepEqual((await storage.stores.ledger.verify()).unbalanced, [])
  })

  it('leave the balances of this process as the ledger’s', async () => {
    const dispute = await opened()
    const { decision, posting } = acceptance(dispute)
    await storage.stores.disputes.decide(dispute.id, decision, posting)
    assert.ok(storage.changes.some((change) => change.kind === 'posting' && change.posting.id === posting.id))
  })

  it('stay open, and nothing is posted, when the decision cannot be written', async () => {
    const dispute = await opened()
    const { decision, posting } = acceptance(dispute)
    const tooMuch = { ...decision, clawbackMicros: 9_000_000n }
    await assert.rejects(storage.stores.disputes.decide(dispute.id, tooMuch, posting))
    assert.equal((await storage.stores.disputes.find(dispute.id))!.state, 'open')
    const rows = await storage.queries.rows('select 1 from ledger_postings where id = $1', [posting.id])
    assert.deepEqual(rows, [])
  })

  it('are one of a call, unless withdrawn', async () => {
    const { disputes } = storage.stores
    const { id, callId } = await opened()
    await assert.rejects(opened({ callId }), { name: 'StoreConflict', field: 'callId' })
    await disputes.decide(id, REFUSED, null)
    await opened({ callId })
    await assert.rejects(opened({ callId }), { name: 'StoreConflict' })
  })

  it('are listed newest first, page by page, by whose they are and how they stand', async () => {
    const other = (await storage.stores.accounts.create({ ...accountDraft(), type: 'buyer' })).id
    const ids: string[] = []
    for (let count = 0; count < 5; count++) ids.unshift((await opened({ buyerId: other })).id)
    const { disputes } = storage.stores
    const seen: string[] = []
    let cursor: string | null = null
    do {
      const page = await disputes.list({ limit: 2, cursor }, { buyerId: other, state: 'open' })
      seen.push(...page.data.map(({ id }) => id))
      cursor = page.nextCursor
    } while (cursor !== null)
    assert.deepEqual(seen, ids)
    assert.deepEqual((await disputes.list({ limit: 5, cursor: null }, { buyerId: other, state: 'rejected' })).data, [])
    await assert.rejects(disputes.list({ limit: 5, cursor: 'x' }, {}), { name: 'BadCursor' })
  })
})
