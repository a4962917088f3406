import assert from 'node:assert/strict'
import type { Draft, Store } from '../../api/needs.ts'
import { newId } from '../../model/ids.ts'
import type { AccountId, CampaignId, TargetId } from '../../model/ids.ts'
import type { PhoneNumber } from '../../model/phone-number.ts'
import { OPERATOR_ACCOUNT_ID } from '../../storage/house-accounts.ts'
import { ANSWER_KEPT_MS, RESERVATION_MS } from '../../storage/idempotency-store.ts'
import {
  accountDraft,
  bidDraft,
  campaignDraft,
  createBuyer,
  numberDraft,
  targetDraft,
  trunkDraft,
} from '../support/drafts.ts'
import { aBidder } from '../support/bidder-drafts.ts'
import { callRecord, endedRecord } from '../support/records.ts'
import { sweepLiveBids } from '../../storage/live-bids.ts'
import { openTestStorage } from '../support/storage.ts'
import type { TestStorage } from '../support/storage.ts'

describe('the stores', () => {
  let storage: TestStorage
  let now = Date.now()
  before(async () => {
    storage = await openTestStorage({ clock: { now: () => now, monotonicMs: () => now } })
    await storage.book.load(() => {})
  })
  after(() => storage.close())

  it('keep every property of every kind, through creation, update and the next look', async () => {
    const { stores } = storage
    const buyer = await createBuyer(stores)
    assert.deepEqual({ ...buyer.account, ...accountDraft() }, buyer.account)
    const check = async <T extends { id: string; version: number; accountId?: AccountId }>(
      store: Store<T>,
      made: T,
      draft: object,
      changes: Partial<Draft<T>>,
    ): Promise<void> => {
      assert.deepEqual({ ...made, ...draft, version: 1 }, made)
      assert.deepEqual(await store.find(made.id), made)
      now += 1_000
      const changed = await store.update(made.id, changes, 1)
      assert.deepEqual(changed, { ...made, ...changes, version: 2, updatedAt: new Date(now) })
      assert.deepEqual(await store.find(made.id), changed)
    }
    const id = buyer.account.id
    const trunk = trunkDraft(id)
    await check(stores.trunks, await stores.trunks.create(trunk), trunk, {
      host: 'gw.example:5080',
      addresses: [],
      maxCps: null,
    })
    const digest = { realm: 'dce', md5: 'a1', sha256: 'b2' }
    const inbound = trunkDraft(id, { digest, tlsNames: ['sbc.carrier.example'] })
    await check(stores.trunks, await stores.trunks.create(inbound), inbound, { digest: null, tlsNames: [] })
    const user = { accountId: id, username: 'agent', status: 'active', trunkId: null, digest } as const
    await check(stores.sipUsers, await stores.sipUsers.create(user), user, {
      status: 'suspended',
      digest: { ...digest, md5: 'c3' },
    })
    const number = numberDraft(id, { softFloorMicros: 4_000_000n, bidderDeadlineMs: 0 })
    await check(stores.numbers, await stores.numbers.create(number), number, {
      routing: { strategy: 'priority', buyers: [{ buyerId: id, priority: 1, weight: 5 }], skills: [] },
      payout: { type: 'fixed', amountMicros: 3n },
      tags: {},
    })
    const target = targetDraft(id, { caps: { hourly: 1, daily: null, monthly: null, total: 9 } })
    await check(stores.targets, await stores.targets.create(target), target, { maxConcurrentCalls: null })
    const campaign = campaignDraft(id, { exposeCaller: true })
    await check(stores.campaigns, await stores.campaigns.create(campaign), campaign, {
      frequency: null,
      pacing: 'even',
      factors: { performance: true, competition: false },
      schedule: null,
      budget: { dailyMicros: null, totalMicros: 1n },
    })
    const {
      id: _,
      version: __,
      createdAt: ___,
      updatedAt: ____,
      ...bidder
    } = aBidder('b', 'https://b.example/', {
      accountId: id,
      campaignId: buyer.campaign.id,
      targetId: buyer.target.id,
      secrets: { key: 'sealed' },
      winUrl: 'https://b.example/won',
    })
    await check(stores.bidders, await stores.bidders.create(bidder), bidder, {
      answer: null,
      status: 'paused',
      winUrl: null,
    })
    const bid = bidDraft(buyer, {
      modifiers: { zips: { '75001': 1200 }, states: {}, hours: {}, tags: {}, timezone: 'America/Denver' },
      criteria: {
        verticals: ['solar'],
        geography: { states: ['TX'], cities: [], zips: ['75001'], circle: { lat: 32.9, lon: -96.8, radiusMiles: 25 } },
        timeWindow: { startMinute: 1320, endMinute: 120, days: ['sat'], timezone: 'America/Denver' },
      },
    })
    await check(stores.bids, await stores.bids.create(bid), bid, {
      status: 'paused',
      amountMicros: 1_000_000_000_000_000n,
    })
  })

  it('find nothing under an id that is none', async () => {
    for (const id of ['', 'x', "'; drop table bids", newId()]) {
      assert.equal(await storage.stores.bids.find(id), null)
      assert.equal(await storage.stores.bids.update(id, { status: 'paused' }, null), null)
      assert.equal(await storage.stores.bids.remove(id), false)
    }
  })

  it('page through a list, newest first, each thing once, although many came in the same millisecond', async () => {
    const { account } = await createBuyer(storage.stores)
    const made = []
    for (let i = 0; i < 23; i++) {
      if (i % 7 === 0) now++
      made.push(await storage.stores.targets.create(targetDraft(account.id, { name: `t${i}` })))
    }
    const seen: string[] = []
    let cursor: string | null = null
    do {
      const page: Awaited<ReturnType<typeof storage.stores.targets.list>> = await storage.stores.targets.list(
        { limit: 5, cursor },
        { accountId: account.id },
      )
      seen.push(...page.data.map((target) => target.name))
      cursor = page.nextCursor
    } while (cursor !== null)
    assert.deepEqual(
      seen.slice(0, 23),
      made.toReversed().map((target) => target.name),
    )
    assert.equal(seen.length, 24, 'and the buyer’s first')
  })

  it('filter by account and status', async () => {
    const buyer = await createBuyer(storage.stores)
    await storage.stores.bids.create(bidDraft(buyer))
    const paused = await storage.stores.bids.create(bidDraft(buyer, { status: 'paused' }))
    const page = await storage.stores.bids.list(
      { limit: 10, cursor: null },
      { accountId: buyer.account.id, status: 'paused' },
    )
    assert.deepEqual(page.data, [paused])
    assert.equal(
      (await storage.stores.targets.list({ limit: 10, cursor: null }, { status: 'paused' })).data.length > 0,
      true,
      'targets have no status',
    )
  })

  it('refuse cursors they did not give out', async () => {
    const bad = [
      'x',
      '',
      '../..',
      Buffer.from('1.x').toString('base64url'),
      Buffer.from(`99999999999999999.${newId()}`).toString('base64url'),
      'a'.repeat(4_000),
      'é',
    ]
    for (const cursor of bad) {
      await assert.rejects(storage.stores.bids.list({ limit: 10, cursor }, {}), { name: 'BadCursor' })
      await assert.rejects(storage.stores.calls.list({ limit: 10, cursor }, {}), { name: 'BadCursor' })
      await assert.rejects(storage.stores.dnc.list(null, { limit: 10, cursor }), { name: 'BadCursor' })
      await assert.rejects(storage.stores.ledger.entries(OPERATOR_ACCOUNT_ID, { limit: 10, cursor }), {
        name: 'BadCursor',
      })
    }
  })

  it('name the property of a conflict', async () => {
    const { stores } = storage
    const buyer = await createBuyer(stores)
    const id = buyer.account.id
    await stores.numbers.create(numberDraft(id, { number: '+18005550777' as PhoneNumber }))
    await assert.rejects(stores.numbers.create(numberDraft(id, { number: '+18005550777' as PhoneNumber })), {
      name: 'StoreConflict',
      field: 'number',
    })
    await assert.rejects(stores.targets.create(targetDraft(newId<AccountId>())), {
      name: 'StoreConflict',
      field: 'accountId',
    })
    await assert.rejects(stores.bids.create(bidDraft(buyer, { targetId: newId<TargetId>() })), {
      name: 'StoreConflict',
      field: 'targetId',
    })
    await assert.rejects(stores.bids.create(bidDraft(buyer, { campaignId: newId<CampaignId>() })), {
      name: 'StoreConflict',
      field: 'campaignId',
    })
    await stores.bids.create(bidDraft(buyer))
    await assert.rejects(stores.campaigns.remove(buyer.campaign.id), { name: 'StoreConflict', field: 'id' })
    const user = { accountId: id, email: 'Ann@example.com', role: 'buyer', passwordHash: 'x' } as const
    await stores.users.create(user)
    await assert.rejects(stores.users.create({ ...user, email: 'ann@EXAMPLE.com' }), {
      name: 'StoreConflict',
      field: 'email',
    })
    await assert.rejects(
      stores.apiKeys.create({ accountId: newId<AccountId>(), name: 'k', scope: 'all', secretHash: 'h0' }),
      {
        name: 'StoreConflict',
        field: 'accountId',
      },
    )
  })

  it('let go of bids for calls that are over, and with them of what they kept from being deleted', async () => {
    const { stores, queries } = storage
    const buyer = await createBuyer(stores)
    const [standing, live, fresh] = [
      await stores.bids.create(bidDraft(buyer)),
      await stores.bids.create(bidDraft(buyer, { callId: newId() })),
      await stores.bids.create(bidDraft(buyer, { callId: newId() })),
    ]
    const age = (ids: readonly string[], interval: string) =>
      queries.rows('update bids set created_at = now() - $2::interval where id = any ($1)', [ids, interval])
    await age([standing.id, live.id], '2 hours')
    await age([fresh.id], '1 minute')
    assert.equal(await sweepLiveBids(queries), 1)
    const left = (await stores.bids.list({ limit: 10, cursor: null }, { accountId: buyer.account.id })).data
    assert.deepEqual(new Set(left.map(({ id }) => id)), new Set([standing.id, fresh.id]))
    assert.equal(await sweepLiveBids(queries, 30), 1)
    await stores.bids.remove(standing.id)
    assert.ok(await stores.campaigns.remove(buyer.campaign.id))
  })

  it('make one default campaign however many ask at once', async () => {
    const { account } = await createBuyer(storage.stores)
    const ids = await Promise.all(Array.from({ length: 8 }, () => storage.stores.defaultCampaign(account.id)))
    assert.equal(new Set(ids).size, 1)
    assert.equal((await storage.stores.campaigns.find(ids[0]!))?.isDefault, true)
    await assert.rejects(storage.stores.defaultCampaign(newId<AccountId>()), {
      name: 'StoreConflict',
      field: 'accountId',
    })
  })

  it('find users by address in any case, and change their password', async () => {
    const { account } = await createBuyer(storage.stores)
    const user = await storage.stores.users.create({
      accountId: account.id,
      email: 'Bob@Example.com',
      role: 'admin',
      passwordHash: 'one',
    })
    assert.deepEqual(await storage.stores.users.findByEmail('bob@example.COM'), user)
    await storage.stores.users.setPassword(user.id, 'two')
    assert.equal((await storage.stores.users.find(user.id))?.passwordHash, 'two')
    assert.equal(await storage.stores.users.findByEmail('nobody@example.com'), null)
  })

  it('keep API keys by the hash of their secret', async () => {
    const { account } = await createBuyer(storage.stores)
    const key = await storage.stores.apiKeys.create({
      accountId: account.id,
      name: 'ci',
      scope: 'ping',
      secretHash: 'h1',
    })
    assert.deepEqual(await storage.stores.apiKeys.findBySecretHash('h1'), key)
    assert.deepEqual(await storage.stores.apiKeys.list(account.id), [key])
    assert.equal(await storage.stores.apiKeys.remove(newId<AccountId>(), key.id), false)
    assert.equal(await storage.stores.apiKeys.remove(account.id, key.id), true)
    assert.equal(await storage.stores.apiKeys.findBySecretHash('h1'), null)
  })

  it('give a refresh token to the first who asks, and none that expired', async () => {
    const { account } = await createBuyer(storage.stores)
    const user = await storage.stores.users.create({
      accountId: account.id,
      email: 'c@example.com',
      role: 'buyer',
      passwordHash: 'x',
    })
    const { refreshTokens } = storage.stores
    const expiresAt = new Date(now + 60_000)
    await refreshTokens.add({ hash: 'r1', userId: user.id, expiresAt })
    const taken = await Promise.all([refreshTokens.take('r1'), refreshTokens.take('r1')])
    assert.deepEqual(
      taken.filter((token) => token !== null),
      [{ userId: user.id, expiresAt }],
    )
    await refreshTokens.add({ hash: 'r2', userId: user.id, expiresAt: new Date(now + 1) })
    await refreshTokens.add({ hash: 'r3', userId: user.id, expiresAt })
    now += 2
    assert.equal(await refreshTokens.take('r2'), null)
    await refreshTokens.removeAllOf(user.id)
    assert.equal(await refreshTokens.take('r3'), null)
  })

  it('answer a repeated request with the first answer, and hold the key meanwhile', async () => {
    const { idempotency } = storage.stores
    const begun = await Promise.all([idempotency.begin('s', 'k', 'h'), idempotency.begin('s', 'k', 'h')])
    assert.deepEqual(
      begun.toSorted((a) => (a === null ? -1 : 1)),
      [null, 'busy'],
    )
    const answer = { status: 201, body: '{"a":"é"}', etag: '"1"' }
    await idempotency.finish('s', 'k', answer)
    assert.deepEqual(await idempotency.begin('s', 'k', 'other'), { ...answer, requestHash: 'h' })
    assert.equal(await idempotency.begin('s2', 'k', 'h'), null)
    await idempotency.abandon('s2', 'k')
    assert.equal(await idempotency.begin('s2', 'k', 'h'), null)
    now += RESERVATION_MS + 1
    assert.equal(await idempotency.begin('s2', 'k', 'h'), null, 'its holder died')
    now += ANSWER_KEPT_MS
    assert.equal(await idempotency.begin('s', 'k', 'h'), null, 'kept for a day')
  })

  it('keep do-not-call lists', async () => {
    const { dnc } = storage.stores
    const numbers = ['+12125550001', '+12125550002', '+12125550003'] as PhoneNumber[]
    assert.equal(await dnc.add('blocked', numbers, 'abuse'), 3)
    assert.equal(await dnc.add('internal', [numbers[0]!], 'asked'), 1)
    assert.deepEqual(
      (await dnc.find(numbers[0]!)).map((entry) => [entry.list, entry.reason]),
      [
        ['blocked', 'abuse'],
        ['internal', 'asked'],
      ],
    )
    const seen = []
    for (let cursor: string | null = null, first = true; first || cursor; first = false) {
      const page: Awaited<ReturnType<typeof dnc.list>> = await dnc.list(null, { limit: 1, cursor })
      seen.push(...page.data.map((entry) => `${entry.list} ${entry.number}`))
      cursor = page.nextCursor
    }
    assert.deepEqual(seen, [
      'blocked +12125550003',
      'blocked +12125550002',
      'internal +12125550001',
      'blocked +12125550001',
    ])
    assert.equal(await dnc.remove('blocked', numbers[1]!), true)
    assert.equal(await dnc.remove('blocked', numbers[1]!), false)
    assert.deepEqual(await dnc.find(numbers[1]!), [])
    assert.equal(await dnc.add('blocked', numbers, 'again'), 1)
  })

  it('list calls by party, outcome and time', async () => {
    const sellerId = newId<AccountId>()
    const at = (ms: number) => callRecord({ sellerId, receivedAt: new Date(ms) })
    const calls = [at(1_000), at(2_000), at(2_000), at(3_000)]
    for (const call of calls) await storage.writer.write(endedRecord(call, { posting: null }))
    const ids = async (filter: object, limit = 10) =>
      (await storage.stores.calls.list({ limit, cursor: null }, { sellerId, ...filter })).data.map((call) => call.id)
    assert.equal((await ids({})).length, 4)
    assert.deepEqual(await ids({ since: new Date(3_000) }), [calls[3]!.id])
    assert.deepEqual(await ids({ until: new Date(2_000) }), [calls[0]!.id])
    assert.equal((await ids({ outcome: 'busy' })).length, 0)
    assert.equal((await ids({ state: 'ended', from: '+12125550123', to: '+18005550100' })).length, 4)
    const { legs } = calls[0]!
    const long = `${'x'.repeat(20_000)}@192.0.2.9`
    const named = callRecord({ legs: [{ ...legs[0]!, sipCallId: long }, ...legs.slice(1)] })
    await storage.writer.write(endedRecord(named, { posting: null }))
    const found = await storage.stores.calls.list({ limit: 10, cursor: null }, { sipCallId: long })
    assert.deepEqual(
      found.data.map((call) => call.id),
      [named.id],
    )
    const first = await storage.stores.calls.list({ limit: 2, cursor: null }, { sellerId })
    const second = await storage.stores.calls.list({ limit: 2, cursor: first.nextCursor }, { sellerId })
    assert.equal(new Set([...first.data, ...second.data].map((call) => call.id)).size, 4)
    assert.equal(second.nextCursor, null)
  })
})
