import assert from 'node:assert/strict'
import { isOfRule } from '../../compliance/fraud/rules/timed-blocks.ts'
import type { PastCall } from '../../gateway/needs.ts'
import type { BookChange } from '../../model/book.ts'
import type { CallRecord } from '../../model/cdr.ts'
import type { FraudScore } from '../../model/fraud.ts'
import { newId } from '../../model/ids.ts'
import { startApi, type ApiHarness, type Person } from '../support/api-harness.ts'
import { sampleCall } from '../support/sample-calls.ts'
import { openTestStorage, type TestStorage } from '../support/storage.ts'

function assertProblem(answer: { status: number; body: { code?: string } }, status: number, code: string): void {
  assert.deepEqual([answer.status, answer.body.code], [status, code], JSON.stringify(answer.body))
}

const START_MS = Date.parse('2026-11-20T15:00:00Z')

describe('fraud, by the API on PostgreSQL', function () {
  this.timeout(60_000)
  let storage: TestStorage
  let api: ApiHarness
  let admin: Person
  let seller: Person
  const labelled: string[] = []
  const calls: CallRecord[] = []

  before(async () => {
    storage = await openTestStorage()
    await storage.book.load(() => {})
    api = await startApi({
      stores: storage.stores,
      fraud: { label: (caller, label) => void labelled.push(`${caller} ${label}`) },
    })
    admin = await api.person('operator')
    seller = await api.person('seller')
    const scores: FraudScore[] = []
    for (let i = 0; i < 6; i++) {
      const score = 0.3 + i / 10
      const action = i < 3 ? 'flag' : i < 5 ? 'review' : 'block'
      const check = {
        check: 'fraud',
        effect: 'advisory',
        rule: 'fraud:caller-fan-out',
        source: 's',
        detail: 'why',
        score,
        action,
      } as const
      const call = sampleCall(seller.account.id, {
        receivedAt: new Date(START_MS + i * 1000),
        ringingAt: new Date(START_MS + i * 1000 + 900),
        checks: [check],
      })
      calls.push(call)
      scores.push({
        callId: call.id,
        at: call.receivedAt,
        ani: call.ani,
        sellerId: call.sellerId,
        numberId: call.numberId!,
        trunkId: call.trunkId,
        score,
        action,
        isEnforced: false,
        modelScore: null,
        reasons: [{ rule: 'caller-fan-out', score, text: 'numbers called: 9' }],
        contributions: [{ feature: 'caller.distinct', value: 9, contribution: 1.5 }],
      })
      await storage.writer.write({ kind: 'ended', call, auction: null, audit: null, posting: null, events: [] })
    }
    await storage.fraud.addScores(scores)
    await storage.fraud.addScores(scores.slice(0, 1).map((each) => ({ ...each, score: 1 }))) // Written twice: the first stays.
  })
  after(async () => {
    await api.api.close()
    await storage.close()
  })

  const ask = (method: string, path: string, json?: object, person = admin) =>
    api.request(method, path, { token: person.token, ...(json ? { json } : {}) })

  it('lists scores, newest first, page by page, by action, seller, score and time', async () => {
    const first = await ask('GET', 'fraud/scores?limit=4')
    assert.equal(first.status, 200, JSON.stringify(first.body))
    const second = await ask('GET', `fraud/scores?limit=4&cursor=${encodeURIComponent(first.body.next_cursor)}`)
    const listed = [...first.body.data, ...second.body.data]
    assert.deepEqual(
      listed.map(({ call_id }) => call_id),
      calls.map(({ id }) => id).toReversed(),
    )
    assert.equal(second.body.next_cursor, null)
    assert.deepEqual(
      [listed[0].from, listed[0].action, listed[0].enforced, listed[5].score],
      ['+12125550123', 'block', false, 0.3],
    )
    const count = async (query: string): Promise<number> => (await ask('GET', `fraud/scores?${query}`)).body.data.length
    assert.equal(await count('action=review'), 2)
    assert.equal(await count('min_score=0.65'), 2)
    assert.equal(await count(`seller_id=${seller.account.id}`), 6)
    assert.equal(await count(`seller_id=${newId()}`), 0)
    assert.equal(await count('since=2026-11-20T15:00:01Z&until=2026-11-20T15:00:03Z'), 2)
    assertProblem(await ask('GET', 'fraud/scores?min_score=2'), 422, 'invalid')
    assertProblem(
      await ask('GET', 'fraud/scores?since=2026-11-21T00:00:00Z&until=2026-11-20T00:00:00Z'),
      422,
      'invalid',
    )
  })

  it('tells of one call why, and shows it in the call to administrators alone', async () => {
    const { status, body } = await ask('GET', `fraud/scores/${calls[5]!.id}`)
    assert.equal(status, 200, JSON.stringify(body))
    assert.deepEqual(body.contributions, [{ feature: 'caller.distinct', value: 9, contribution: 1.5 }])
    assert.deepEqual(body.reasons, [{ rule: 'caller-fan-out', score: 0.8, text: 'numbers called: 9' }])
    assertProblem(await ask('GET', `fraud/scores/${newId()}`), 404, 'not_found')
    const seen = (await ask('GET', `calls/${calls[5]!.id}`)).body
    assert.deepEqual(seen.fraud, { score: 0.8, action: 'block', detail: 'why' })
    assert.equal(seen.compliance.checks[0].detail, 'why')
    const sold = (await ask('GET', `calls/${calls[5]!.id}`, undefined, seller)).body
    assert.equal(sold.fraud, null)
    assert.deepEqual(
      [sold.compliance.checks[0].check, sold.compliance.checks[0].rule, sold.compliance.checks[0].detail],
      ['fraud', 'fraud', ''],
    )
  })

  it('keeps what analysts say, counts it by rule, and tells the gateway', async () => {
    for (const [nth, label] of [
      [0, 'fraud'],
      [0, 'clean'], // Another look: the latest word counts.
      [1, 'fraud'],
      [2, 'fraud'],
    ] as const) {
      const said = await ask('POST', 'fraud/feedback', { call_id: calls[nth]!.id, label, note: 'heard it' })
      assert.equal(said.status, 201, JSON.stringify(said.body))
      assert.match(said.body.by, /^user /)
    }
    assert.equal(labelled.at(-1), '+12125550123 fraud')
    assert.deepEqual((await ask('GET', 'fraud/rules')).body.data, [{ rule: 'caller-fan-out', fraud: 2, clean: 1 }])
    const { feedback } = (await ask('GET', `fraud/scores/${calls[0]!.id}`)).body
    assert.deepEqual(
      feedback.map(({ label }: { label: string }) => label),
      ['clean', 'fraud'],
    )
    assert.deepEqual(
      (await storage.fraud.judgedCallers(new Date(0))).map(({ label }) => label),
      ['fraud', 'clean', 'fraud', 'fraud'],
    )
    assert.deepEqual(await storage.fraud.judgedCallers(new Date(Date.now() + 3_600_000)), [])
    assertProblem(await ask('POST', 'fraud/feedback', { call_id: newId(), label: 'fraud' }), 422, 'invalid')
    assertProblem(await ask('POST', 'fraud/feedback', { call_id: calls[0]!.id, label: 'odd' }), 422, 'invalid')
  })

  it('makes timed blocks, which every gateway hears of, changes and lifts them', async () => {
    const made = await ask('POST', 'fraud/blocks', {
      kind: 'caller',
      value: '(212) 552-7391',
      minutes: 30,
      reason: 'seen',
    })
    assert.equal(made.status, 201, JSON.stringify(made.body))
    assert.deepEqual([made.body.value, made.body.active], ['+12125527391', true])
    const until = Date.parse(made.body.until)
    assert.ok(Math.abs(until - Date.now() - 30 * 60_000) < 60_000)
    const longer = await ask('PATCH', `fraud/blocks/${made.body.id}`, { minutes: 600 })
    assert.ok(Date.parse(longer.body.until) > until)
    assert.equal(
      (await ask('POST', 'fraud/blocks', { kind: 'block', value: '+12125527', minutes: 5, reason: 'r' })).status,
      201,
    )
    assert.equal((await ask('GET', 'fraud/blocks')).body.data.length, 2)
    const seller_id = seller.account.id
    const ofSeller = { kind: 'caller', value: '+12125527391', seller_id, minutes: 5, reason: 'r' }
    const scoped = await ask('POST', 'fraud/blocks', ofSeller)
    assert.deepEqual([made.body.seller_id, scoped.status, scoped.body.seller_id], [null, 201, seller_id])
    assert.equal((await ask('DELETE', `fraud/blocks/${scoped.body.id}`)).status, 204)
    assert.equal((await ask('DELETE', `fraud/blocks/${made.body.id}`)).status, 204)
    const heard = storage.changes.filter(
      (change): change is BookChange & { kind: 'fraud-block' } => change.kind === 'fraud-block',
    )
    assert.deepEqual(
      heard.map(({ value }) => value?.value ?? null),
      ['+12125527391', '+12125527391', '+12125527', '+12125527391', null, null],
    )
    for (const [body, pointer] of [
      [{ kind: 'caller', value: '12', minutes: 5, reason: 'r' }, '/value'],
      [{ kind: 'block', value: '+1212', minutes: 5, reason: 'r' }, '/value'],
      [{ kind: 'number', value: newId(), minutes: 5, reason: 'r' }, '/value'],
      [{ kind: 'trunk', value: newId(), minutes: 5, reason: 'r' }, '/value'],
      [{ kind: 'caller', value: '+12125527391', minutes: 0, reason: 'r' }, '/minutes'],
      [{ kind: 'seller', value: newId(), minutes: 5, reason: 'r' }, '/kind'],
      [{ ...ofSeller, seller_id: newId() }, '/seller_id'],
      [{ ...ofSeller, kind: 'trunk', value: newId() }, '/seller_id'],
    ] as const) {
      const refused = await ask('POST', 'fraud/blocks', body)
      assert.deepEqual([refused.status, refused.body.errors[0].pointer], [422, pointer])
    }
  })

  it('lets a person take over what a rule has made: longer or shorter, from then on a person’s, who is named', async () => {
    const draft = { kind: 'caller', value: '+12125527000', sellerId: seller.account.id, reason: 'too many' } as const
    const until = new Date(Date.now() + 60_000)
    const { accountId } = await storage.stores.fraudBlocks.create({
      ...draft,
      accountId: admin.account.id,
      until,
      madeBy: 'rule caller-rate-hour',
    })
    assert.equal(accountId, admin.account.id)
    const [listed] = (await ask('GET', 'fraud/blocks')).body.data
    assert.deepEqual([listed.made_by, listed.seller_id], ['rule caller-rate-hour', seller.account.id])
    const untouched = await ask('PATCH', `fraud/blocks/${listed.id}`, {})
    assert.equal(untouched.body.made_by, 'rule caller-rate-hour')
    const longer = await ask('PATCH', `fraud/blocks/${listed.id}`, { minutes: 600 })
    assert.match(longer.body.made_by, /^user .+, after rule caller-rate-hour$/)
    assert.ok(Date.parse(longer.body.until) > Date.now() + 599 * 60_000)
    assert.equal(longer.body.seller_id, seller.account.id)
    const heard = storage.changes.at(-1) as BookChange & { kind: 'fraud-block' }
    assert.equal(isOfRule(heard.value!), false)
    const again = await ask('PATCH', `fraud/blocks/${listed.id}`, { minutes: 1, reason: 'looked at' })
    assert.equal(again.body.made_by, longer.body.made_by)
    assert.equal((await ask('DELETE', `fraud/blocks/${listed.id}`)).status, 204)
  })

  it('is for administrators', async () => {
    for (const [method, path] of [
      ['GET', 'fraud/scores'],
      ['GET', `fraud/scores/${calls[0]!.id}`],
      ['GET', 'fraud/rules'],
      ['POST', 'fraud/feedback'],
      ['GET', 'fraud/blocks'],
      ['POST', 'fraud/blocks'],
    ] as const)
      assert.equal((await ask(method, path, method === 'POST' ? {} : undefined, seller)).status, 403)
  })

  it('reads the calls of before in their order, and deletes what is old', async () => {
    const read = async (since: number): Promise<PastCall[]> => {
      const found: PastCall[] = []
      for await (const call of storage.fraud.pastCalls(new Date(since))) found.push(call)
      return found
    }
    const { ani } = calls[0]!
    const unscreened = sampleCall(seller.account.id, { receivedAt: new Date(START_MS + 4500), ani, checks: [] })
    await storage.writer.write({
      kind: 'ended',
      call: unscreened,
      auction: null,
      audit: null,
      posting: null,
      events: [],
    })
    const past = await read(START_MS + 2000)
    assert.deepEqual(
      past.map(({ id }) => id),
      calls.slice(2).map(({ id }) => id),
    )
    const { pddMs, isBilled, outcome, durationMs, hungUpBy } = past[0]!
    assert.deepEqual([pddMs, isBilled, outcome, durationMs, hungUpBy], [900, true, 'answered', 65_000, 'caller'])
    await storage.fraud.prune(new Date(START_MS + 3000), new Date(0))
    assert.equal((await ask('GET', 'fraud/scores')).body.data.length, 3)
    assert.equal(await storage.stores.fraud.findScore(calls[0]!.id), null)
    await storage.fraud.prune(new Date(0), new Date(Date.now() + 3_600_000))
    assert.deepEqual((await ask('GET', 'fraud/blocks')).body.data, [])
  })
})
