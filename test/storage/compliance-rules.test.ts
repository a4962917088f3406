import assert from 'node:assert/strict'
import type { ScreenedCall } from '../../api/needs.ts'
import type { ComplianceRule } from '../../model/compliance-rule.ts'
import type { CallRecord } from '../../model/cdr.ts'
import { OPERATOR_ACCOUNT_ID } from '../../storage/house-accounts.ts'
import { aRule } from '../support/compliance-rules.ts'
import { sampleCall } from '../support/sample-calls.ts'
import { openTestStorage, type TestStorage } from '../support/storage.ts'

const DAY_MS = 86_400_000

describe('compliance rules in storage', () => {
  let storage: TestStorage
  before(async () => {
    storage = await openTestStorage()
    await storage.book.load(() => {})
  })
  after(() => storage.close())

  const draft = (): Omit<ComplianceRule, 'id' | 'version' | 'createdAt' | 'updatedAt'> => {
    const {
      id: _,
      version: _v,
      createdAt: _c,
      updatedAt: _u,
      ...rest
    } = aRule('r', {
      type: 'frequency',
      calls: 3,
      hours: 24,
      per: 'consumer',
    })
    return { ...rest, accountId: OPERATOR_ACCOUNT_ID, scope: { ...rest.scope, states: ['FL'] } }
  }

  it('come to every gateway as they were made, and keep every version of theirs', async () => {
    const { stores } = storage
    const { complianceRules } = stores
    const made = await complianceRules.create(draft())
    assert.deepEqual(await complianceRules.find(made.id), made)
    const changed = await complianceRules.update(made.id, { enabled: false, changedBy: 'user 2' }, 1)
    assert.equal(await complianceRules.remove(made.id), true)
    assert.deepEqual(
      storage.changes.filter(({ kind }) => kind === 'compliance-rule'),
      [made, changed, null].map((value) => ({ kind: 'compliance-rule', id: made.id, value })),
    )
    const versions = await stores.ruleHistory(made.id)
    assert.deepEqual(
      versions.map(({ deed, version, changedBy, rule }) => [deed, version, changedBy, rule['enabled']]),
      [
        ['created', 1, 'user 1', true],
        ['changed', 2, 'user 2', false],
        ['deleted', 2, 'user 2', false],
      ],
    )
    assert.deepEqual(await stores.ruleHistory(OPERATOR_ACCOUNT_ID as never), [])
  })

  it('give the calls of a time back in their order, page by page, and the latest backwards', async () => {
    const start = Date.parse('2026-11-01T00:00:00Z')
    const records: CallRecord[] = []
    for (let i = 0; i < 12; i++) {
      const record = sampleCall(OPERATOR_ACCOUNT_ID, {
        receivedAt: new Date(start + Math.floor(i / 3) * 1000), // Three at a time.
        trafficType: i % 2 === 0 ? 'transfer' : 'inbound',
      })
      records.push(record)
      await storage.writer.write({ kind: 'ended', call: record, auction: null, audit: null, posting: null, events: [] })
    }
    const read = async (calls: AsyncIterable<ScreenedCall>) => {
      const found: ScreenedCall[] = []
      for await (const call of calls) found.push(call)
      return found
    }
    const expected = records.toSorted(
      (a, b) => a.receivedAt.getTime() - b.receivedAt.getTime() || (a.id < b.id ? -1 : 1),
    )
    const seen = await read(storage.stores.screenedCalls(new Date(start), new Date(start + 3000)))
    assert.deepEqual(
      seen.map(({ id }) => id),
      expected.slice(0, 9).map(({ id }) => id),
    )
    assert.deepEqual(seen[0]!.request, {
      ani: expected[0]!.ani,
      zip: null,
      trafficType: expected[0]!.trafficType,
      atMs: start,
      attestation: null,
      offer: {
        sellerId: expected[0]!.sellerId,
        numberId: expected[0]!.numberId ?? '',
        vertical: expected[0]!.vertical,
        tags: {},
      },
    })
    const latest = await read(storage.latestCalls(new Date(start - DAY_MS), true))
    assert.deepEqual(
      latest.map(({ id }) => id),
      expected.map(({ id }) => id).toReversed(),
    )
    const made = await read(storage.latestCalls(new Date(start + 1000), false))
    assert.ok(made.length > 0 && made.every(({ request }) => request.trafficType === 'transfer'))
  })
})
