import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { rebuiltFrom } from '../../../gateway/reserving/rebuild-account.ts'
import type { SharedReservations } from '../../../gateway/reserving/shared-reservations.ts'
import type { Taken } from '../../../gateway/taken.ts'
import type { Campaign } from '../../../model/bid.ts'
import { NO_CAPS } from '../../../model/caps.ts'
import { MOST_SHARED_MICROS } from '../../../model/claim.ts'
import { newId, type HoldId } from '../../../model/ids.ts'
import { aBid, aCampaign, anAccount, aTarget, CALLER, change, dollars, NOON } from '../../support/market.ts'
import { RedisServer } from '../../support/redis.ts'
import { ReservingGateway, SELLER, WrittenCalls, type GatewayOptions } from '../../support/reserving-stage.ts'
import { until } from '../../support/until.ts'

const BID = aBid('a', 2)
const BUYER = BID.accountId
const NOTHING = { priceMicros: 0, fundsMicros: 0 }
const HAMMER = fileURLToPath(new URL('../../support/hammering-process.ts', import.meta.url))

describe('counters in Redis', function () {
  this.timeout(120_000)
  let redis: RedisServer
  const gateways: ReservingGateway[] = []
  const children: ChildProcess[] = []
  let written: WrittenCalls

  beforeEach(async () => {
    redis = await RedisServer.start()
    written = new WrittenCalls()
    written.deposit(BUYER, dollars(1e6))
  })
  afterEach(async () => {
    for (const child of children.splice(0)) {
      if (child.exitCode !== null || child.signalCode !== null) continue
      const exited = once(child, 'exit')
      child.kill('SIGKILL')
      await exited
    }
    await Promise.all(gateways.splice(0).map((gateway) => gateway.close()))
    await redis.kill()
  })

  async function join(campaign: Partial<Campaign> = {}, options: GatewayOptions = {}): Promise<ReservingGateway> {
    const book = [
      change.account(anAccount(BUYER)),
      change.target(aTarget(BID.targetId, BUYER)),
      change.campaign(aCampaign(BID.campaignId, BUYER, campaign)),
      change.bid(BID),
    ]
    const gateway = new ReservingGateway(book, written, { url: redis.url, ...options })
    gateway.fund(BUYER, dollars(1e6))
    gateways.push(gateway)
    assert(await gateway.sharing!.joined(20_000))
    return gateway
  }

  const concurrent = (most: number): Partial<Campaign> => ({ caps: { ...NO_CAPS, concurrent: most } })
  const up = (gateway: ReservingGateway): Promise<void> => until(() => gateway.sharing!.isUp)

  function hammer(
    most: number,
    tries: number,
    leaseMs: number,
    hold = '',
  ): Promise<{ taken: number; mostHeld: number }> {
    const args = [HAMMER, redis.url, String(most), String(tries), String(leaseMs), hold]
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    children.push(child)
    return new Promise((resolve, reject) => {
      createInterface({ input: child.stdout }).once('line', (line) => resolve(JSON.parse(line)))
      child.once('exit', (code) => reject(new Error(`it ended with ${code}`)))
    })
  }

  it('give 10,000 who ask at once over several connections no more than there is, of any cap from 1 to 50', async () => {
    const some = [await join(), await join(), await join(), await join()]
    some[0]!.giveBack(await some[0]!.taken(BID, dollars(2))) // Its counters are there.
    await some[0]!.settled()
    for (const most of [1, 7, 50]) {
      const caps = { ...NO_CAPS, concurrent: most }
      const ids = Array.from({ length: 10_000 }, () => newId<HoldId>())
      const answers = await Promise.all(
        ids.map(async (id, i) => {
          const claim = some[i % 4]!.routing.claim(claimed(id))
          const counters = claim.counters.map((one) =>
            one.name.startsWith('campaign') ? { ...one, name: `campaign:${most}`, caps } : one,
          )
          const answer = await some[i % 4]!.shared!.reserve({ ...claim, counters })
          if (answer.kind === 'unknown') assert.fail('its buyer was built')
          return answer.kind
        }),
      )
      assert.equal(answers.filter((kind) => kind === 'ok').length, most)
      for (const [i, id] of ids.entries())
        if (answers[i] === 'ok') assert.equal(await some[0]!.shared!.end(BUYER, id, 'release', NOTHING), 'ok')
    }
  })

  it('are shared by processes: none of three that hammer holds too much, and nothing is left of it', async () => {
    const results = await Promise.all([hammer(6, 1500, 15_000), hammer(6, 1500, 15_000), hammer(6, 1500, 15_000)])
    for (const { taken, mostHeld } of results) {
      assert(taken > 0, 'each has had some')
      assert(mostHeld <= 6)
    }
    const gateway = await join(concurrent(6))
    const held = await Promise.all(Array.from({ length: 6 }, () => gateway.taken(BID, dollars(2), { ani: null })))
    assert.equal(await gateway.reserve(BID, dollars(2)), 'campaign_concurrency')
    assert.equal(held.length, 6, 'none has leaked')
  })

  it('give back what a killed process held, when its lease is over and not before', async () => {
    const { taken } = await hammer(4, 50, 1500, 'hold')
    assert.equal(taken, 4)
    const gateway = await join(concurrent(4), { leaseMs: 1500 })
    assert.equal(await gateway.reserve(BID, dollars(2)), 'campaign_concurrency')
    const child = children[0]!
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
    const all: Taken[] = []
    await until(async () => {
      const got = await gateway.reserve(BID, dollars(2), { ani: null })
      if (typeof got !== 'string') all.push(got)
      return all.length === 4
    })
    assert.equal(await gateway.reserve(BID, dollars(2)), 'campaign_concurrency')
  })

  it('keep the lease of a process that lives, however long its call', async () => {
    const gateway = await join(concurrent(1), { leaseMs: 600 })
    const other = await join(concurrent(1), { leaseMs: 600 })
    await gateway.taken(BID, dollars(2))
    const end = Date.now() + 2000
    while (Date.now() < end) assert.equal(await other.reserve(BID, dollars(2)), 'campaign_concurrency')
  })

  it('leave an answered call of a dead process counted, and its money held until it is known what was billed', async () => {
    const campaign = { caps: { ...NO_CAPS, concurrent: 1, daily: 2 } }
    const gateway = await join(campaign, { leaseMs: 500 })
    const dying = await join(campaign, { leaseMs: 500 })
    const taken = await dying.taken(BID, dollars(2))
    dying.answer(taken)
    await dying.settled()
    await dying.sharing!.close() // Nobody renews its lease any more.
    await until(async () => {
      const got = await gateway.reserve(BID, dollars(2), { ani: null })
      if (typeof got === 'string') return false
      gateway.end(got, 0n)
      return true
    })
    await gateway.settled()
    assert.equal(await gateway.reserve(BID, dollars(2)), 'campaign_cap', 'the dead one’s call counts')
    const open = anOpenCall(taken.hold.id)
    gateway.sharing!.closed(open, 'done', { priceMicros: 1_500_000, fundsMicros: 1_500_000 })
    gateway.sharing!.closed(open, 'done', { priceMicros: 1_500_000, fundsMicros: 1_500_000 })
    await gateway.settled()
    const later = { ...claimed(newId()), atMs: NOON + 86_400_000 }
    const answer = await gateway.shared!.reserve(gateway.routing.claim(later))
    assert.equal(answer.kind === 'ok' && answer.availableMicros, 1e12 - 1_500_000 - 2_000_000, 'charged once')
  })

  it('are rebuilt when Redis is killed under load: nothing is over-sold, and nothing charged twice', async () => {
    const most = 5
    const [one, two] = [
      await join(concurrent(most), { rejoinMs: 400 }),
      await join(concurrent(most), { rejoinMs: 400 }),
    ]
    let held = 0
    let mostHeld = 0
    let sold = 0
    const over = new AbortController()
    const work = async (gateway: ReservingGateway): Promise<void> => {
      while (!over.signal.aborted) {
        const got = await gateway.reserve(BID, dollars(2), { ani: null })
        await new Promise((resolve) => setTimeout(resolve, 1))
        if (typeof got === 'string') continue
        mostHeld = Math.max(mostHeld, ++held)
        gateway.answer(got)
        await new Promise((resolve) => setTimeout(resolve, 3))
        held--
        if (sold % 3 === 2) gateway.giveBack(got)
        else gateway.end(got, dollars(1))
        sold++
      }
    }
    const workers = Array.from({ length: 16 }, (_, i) => work(i % 2 ? one : two))
    for (let i = 0; i < 3; i++) {
      const before = sold
      await until(() => sold > before + 30)
      await redis.kill()
      await until(() => !one.sharing!.isUp && !two.sharing!.isUp)
      await redis.start()
      await Promise.all([up(one), up(two)])
    }
    over.abort()
    await Promise.all(workers)
    await Promise.all([one.settled(), two.settled()])
    assert(mostHeld <= most, `${mostHeld} were held at once, of ${most}`)
    const answer = await one.shared!.reserve(one.routing.claim(claimed(newId())))
    const billed = written.billed * 1_000_000
    assert.equal(answer.kind === 'ok' && answer.availableMicros, 1e12 - billed - 2_000_000)
    assert.equal(answer.kind === 'ok' && answer.free[2], most - 1, 'no place has leaked')
  })

  it('leave a gateway its slice of places while they are away, and sell nothing that costs funds or has a budget or a cap', async () => {
    const slice = await join(concurrent(10), { gateways: 2 })
    const capped = await join({ caps: { ...NO_CAPS, daily: 1000 } }, { gateways: 2 })
    const first = await slice.taken(BID, dollars(2))
    await capped.taken(BID, dollars(2))
    await redis.kill()
    await until(() => !slice.sharing!.isUp && !capped.sharing!.isUp)
    const kept = await sellSlice(slice)
    assert.equal(kept.length, 4, 'half of the nine that were free')
    assert.equal(await capped.reserve(BID, 0n), 'counters_away')
    slice.giveBack(kept.pop()!)
    assert.equal(await slice.reserve(BID, dollars(2)), 'counters_away', 'another may have held the funds')
    slice.end(await slice.taken(BID, 0n), 0n)
    await redis.start()
    await Promise.all([up(slice), up(capped)])
    await slice.settled()
    const answer = await slice.shared!.reserve(slice.routing.claim(claimed(newId())))
    assert.equal(answer.kind === 'ok' && answer.free[2], 10 - 1 - 1 - 3 - 1, 'what was taken meanwhile counts')
    assert(first)
  })

  it('leave a gateway its slice once, however often they go away before it has asked again', async () => {
    const gateway = await join(concurrent(7), { leaseMs: 60_000 })
    await gateway.taken(BID, 0n)
    let sold = 0
    for (let i = 0; i < 3; i++) {
      await redis.kill()
      await until(() => !gateway.sharing!.isUp)
      const some = await sellSlice(gateway)
      sold += some.length
      await redis.start()
      await up(gateway)
      // Those of the first outage have been told: their ends are no slice's any more.
      if (i === 0) for (const taken of some.splice(0, 2)) gateway.giveBack(taken)
      await gateway.settled()
    }
    assert.equal(sold, 3, 'half of the six that were free')
  })

  it('are asked again only when what was sold while others were being told has been told, too', async () => {
    const gateway = await join(concurrent(10))
    await gateway.taken(BID, 0n)
    await redis.kill()
    await until(() => !gateway.sharing!.isUp)
    const shared = gateway.shared!
    const adopt = shared.adopt.bind(shared)
    let sold: Promise<Taken> | null = null
    shared.adopt = async (...args) => {
      sold ??= gateway.taken(BID, 0n, { ani: null })
      await sold
      written.open.clear() // It is not in the database yet, from which the account is rebuilt.
      return adopt(...args)
    }
    await redis.start()
    assert(await gateway.sharing!.joined(20_000))
    assert(sold)
    const answer = await shared.reserve(gateway.routing.claim(claimed(newId())))
    assert.equal(answer.kind === 'ok' && answer.free[2], 10 - 1 - 1 - 1)
  })

  for (const [whose, accounts] of [
    ['buyer', [BUYER]],
    ['seller', [SELLER]],
    ['buyer and seller', [BUYER, SELLER]],
  ] as const)
    it(`count and charge the call of a process that was taken for dead, and woke: gone from the ${whose}`, async () => {
      const gateway = await join({ caps: { ...NO_CAPS, daily: 2 } })
      for (let i = 0; i < 2; i++) {
        const taken = await gateway.taken(BID, dollars(2), { ani: null })
        // What the end of its lease does to a claim that was only rung.
        for (const account of accounts) await gateway.shared!.end(account, taken.hold.id, 'release', NOTHING)
        gateway.answer(taken)
        gateway.end(taken, dollars(1))
        await gateway.settled()
      }
      assert.equal(gateway.sharing!.leaseCount, 0)
      assert.equal(await gateway.reserve(BID, dollars(2)), 'campaign_cap')
      const later = { ...claimed(newId()), atMs: NOON + 86_400_000 }
      const answer = await gateway.shared!.reserve(gateway.routing.claim(later))
      assert.equal(answer.kind === 'ok' && answer.availableMicros, 1e12 - 2_000_000 - 2_000_000)
    })

  it('lose nothing that happens while an account is being rebuilt from what was read before', async () => {
    const gateway = await join()
    const shared = gateway.shared!
    const id = newId<HoldId>()
    const open = {
      ...claimed(id),
      sellerId: SELLER,
      awardedAtMs: NOON,
      priceMicros: 2_000_000n,
      fundsMicros: 2_000_000n,
    }
    written.open.set(id, { ...open, holdId: id, isAnswered: true, isConverted: false })
    let told = 0
    const adjust = shared.adjust.bind(shared)
    shared.adjust = async (...args) => {
      const answer = await adjust(...args)
      told++
      return answer
    }
    await shared.rebuild(BUYER, async () => {
      const before = rebuiltFrom(BUYER, written.usageOf(BUYER), gateway.routing)
      gateway.apply(aDeposit())
      gateway.sharing!.closed(anOpenCall(id), 'done', { priceMicros: 1_500_000, fundsMicros: 1_500_000 })
      await until(() => told > 0)
      return before
    })
    await gateway.settled()
    const answer = await shared.reserve(gateway.routing.claim(claimed(newId())))
    assert.equal(answer.kind === 'ok' && answer.availableMicros, 1e12 + 50_000_000 - 1_500_000 - 2_000_000)
  })

  it('count a deposit once, though every gateway tells of it', async () => {
    const both = [await join(), await join()]
    await both[0]!.taken(BID, dollars(2))
    const deposit = aDeposit()
    for (const gateway of [...both, both[0]!]) gateway.apply(deposit)
    await Promise.all(both.map((gateway) => gateway.settled()))
    const answer = await both[0]!.shared!.reserve(both[0]!.routing.claim(claimed(newId())))
    assert.equal(answer.kind === 'ok' && answer.availableMicros, 1e12 + 50_000_000 - 4_000_000)
  })

  it('are rebuilt once where several gateways find them gone', async () => {
    const all = [await join(), await join(), await join(), await join()]
    await Promise.all(all.map((gateway) => gateway.taken(BID, dollars(2), { ani: null })))
    await Promise.all(all.map((gateway) => gateway.settled()))
    assert.equal(written.reads, 2, 'the buyer’s and the seller’s')
  })

  it('refuse money that doubles cannot count', async () => {
    const gateway = await join()
    const claim = gateway.routing.claim(claimed(newId()))
    await assert.rejects(
      gateway.shared!.reserve({ ...claim, priceMicros: MOST_SHARED_MICROS + 1 }),
      /too many to share/,
    )
  })

  it('are not waited for longer than the deadline, and not asked for a while after three such waits', async () => {
    const gateway = await join({}, { deadlineMs: 300 })
    await gateway.taken(BID, dollars(2))
    process.kill(redis.pid, 'SIGSTOP')
    try {
      const answers = []
      while (gateway.sharing!.isUp) answers.push(await gateway.reserve(BID, dollars(2), { ani: null }))
      assert(answers.length <= 4)
      const start = Date.now()
      for (let i = 0; i < 100; i++) await gateway.reserve(BID, dollars(2), { ani: null })
      assert(Date.now() - start < 5000, 'the slice is at hand')
    } finally {
      process.kill(redis.pid, 'SIGCONT')
    }
    await up(gateway)
    await gateway.settled()
  })

  /** All that it sells while the counters are away. */
  async function sellSlice(gateway: ReservingGateway): Promise<Taken[]> {
    const sold: Taken[] = []
    for (;;) {
      const got = await gateway.reserve(BID, 0n, { ani: null })
      if (got === 'counters_away') return sold
      if (typeof got === 'string') assert.fail(got)
      sold.push(got)
    }
  }

  function claimed(id: HoldId) {
    const { id: bidId, campaignId, targetId, accountId: buyerId } = BID
    const money = { priceMicros: 2_000_000, fundsMicros: 2_000_000 }
    return { id, bidId, campaignId, targetId, buyerId, sellerId: null, ani: CALLER, atMs: NOON, ...money }
  }
})

/** $50 that every gateway learns of. */
function aDeposit(): Parameters<ReservingGateway['apply']>[0] {
  const posting = {
    id: newId(),
    kind: 'deposit',
    callId: null,
    currency: 'USD',
    reference: '',
    postedAt: new Date(),
    entries: [{ accountId: BUYER, amountMicros: dollars(50) }],
  }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- The other side of it is nobody’s here.
  return { kind: 'posting', version: 7, posting } as unknown as Parameters<ReservingGateway['apply']>[0]
}

function anOpenCall(id: HoldId): Parameters<SharedReservations['closed']>[0] {
  const sale = { terms: { buyerId: BUYER }, hold: { id } }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- Of an open call no more is asked.
  return { call: { sellerId: SELLER }, sale } as unknown as Parameters<SharedReservations['closed']>[0]
}
