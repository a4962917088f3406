import assert from 'node:assert/strict'
import { redisOptions } from '../../../gateway/start/sharing.ts'
import { loadSettings } from '../../../config/settings.ts'
import type { Taken } from '../../../gateway/taken.ts'
import { NO_CAPS } from '../../../model/caps.ts'
import { CallStream } from '../../../storage/redis/call-stream.ts'
import { RedisDncAnswers } from '../../../storage/redis/dnc-answers.ts'
import { aBid, aCampaign, anAccount, aTarget, CALLER, change, dollars } from '../../support/market.ts'
import { RedisCluster } from '../../support/redis-cluster.ts'
import { ReservingGateway, WrittenCalls } from '../../support/reserving-stage.ts'
import { silentLog } from '../../support/storage.ts'
import { until } from '../../support/until.ts'

const BID = aBid('a', 2)
const BUYER = BID.accountId
const MOST = 5

describe('counters in a Redis Cluster', function () {
  this.timeout(120_000)
  let cluster: RedisCluster
  let written: WrittenCalls
  const gateways: ReservingGateway[] = []

  before(async () => {
    cluster = await RedisCluster.start()
  })
  beforeEach(async () => {
    await cluster.flush()
    written = new WrittenCalls()
    written.deposit(BUYER, dollars(1e6))
  })
  afterEach(() => Promise.all(gateways.splice(0).map((gateway) => gateway.close())))
  after(() => cluster.kill())

  async function join(): Promise<ReservingGateway> {
    const caps = { ...NO_CAPS, concurrent: MOST }
    const book = [
      change.account(anAccount(BUYER)),
      change.target(aTarget(BID.targetId, BUYER)),
      change.campaign(
        aCampaign(BID.campaignId, BUYER, { caps, budget: { dailyMicros: dollars(1e5), totalMicros: null } }),
      ),
      change.bid(BID),
    ]
    const gateway = new ReservingGateway(book, written, { url: cluster.url, cluster: cluster.others, rejoinMs: 3000 })
    gateway.fund(BUYER, dollars(1e6))
    gateways.push(gateway)
    assert(await gateway.sharing!.joined(20_000))
    return gateway
  }

  /** Two gateways that take and give back as fast as they can; what they held at once, and have sold. */
  async function sell(meanwhile: (sales: () => number) => Promise<void>): Promise<ReservingGateway[]> {
    const two = [await join(), await join()]
    const over = new AbortController()
    let [held, mostHeld, sold] = [0, 0, 0]
    const work = async (gateway: ReservingGateway): Promise<void> => {
      while (!over.signal.aborted) {
        const got = await gateway.reserve(BID, dollars(2), { ani: null })
        await new Promise((resolve) => setTimeout(resolve, 1))
        if (typeof got === 'string') continue
        mostHeld = Math.max(mostHeld, ++held)
        gateway.answer(got)
        await new Promise((resolve) => setTimeout(resolve, 2))
        held--
        if (sold++ % 3 === 2) gateway.giveBack(got)
        else gateway.end(got, dollars(1))
      }
    }
    const workers = Array.from({ length: 12 }, (_, i) => work(two[i % 2]!))
    try {
      await meanwhile(() => sold)
    } finally {
      over.abort()
      await Promise.all(workers)
    }
    await Promise.all(two.map((gateway) => gateway.settled()))
    assert(mostHeld <= MOST, `${mostHeld} were held at once, of ${MOST}`)
    return two
  }

  /** All places are there, and the funds but for what was billed. */
  async function assertKept(gateway: ReservingGateway): Promise<void> {
    const all: Taken[] = []
    for (let i = 0; i < MOST; i++) all.push(await gateway.taken(BID, dollars(2), { ani: null }))
    assert.equal(await gateway.reserve(BID, dollars(2)), 'campaign_concurrency')
    const { id: bidId, campaignId, targetId } = BID
    const of = { bidId, campaignId, targetId, buyerId: BUYER, sellerId: null, ani: null }
    gateway.giveBack(all.pop()!)
    await gateway.settled()
    const { hold } = all[0]!
    const claim = gateway.routing.claim({
      ...of,
      id: `${hold.id.slice(0, -4)}ffff` as typeof hold.id,
      atMs: Date.now(),
      priceMicros: 0,
      fundsMicros: 0,
    })
    const answer = await gateway.shared!.reserve(claim)
    const money = 1e12 - written.billed * 1_000_000 - (MOST - 1) * 2_000_000
    assert.equal(answer.kind === 'ok' && answer.availableMicros, money)
  }

  it('are moved to another master, slot by slot, while awards go on: nothing is over-sold, and nothing lost', async () => {
    const two = await sell(async (sales) => {
      const { slot, master } = await cluster.masterOf(`dce:{${BUYER}}`)
      for (const [from, to] of [
        [master, (master + 1) % 3],
        [(master + 1) % 3, (master + 2) % 3],
        [(master + 2) % 3, master],
      ] as const) {
        const before = sales()
        await until(() => sales() > before + 20)
        await cluster.move(slot, from, to)
      }
      const before = sales()
      await until(() => sales() > before + 20)
    })
    await assertKept(two[0]!)
  })

  it('are away as a whole when a master is killed: nothing with a budget is sold, until it is back and what it knew is rebuilt', async () => {
    const two = await sell(async (sales) => {
      await until(() => sales() > 20)
      const { master } = await cluster.masterOf(`dce:{${BUYER}}`)
      for (const one of [master, (master + 1) % 3]) {
        await cluster.masters[one]!.kill()
        await until(() => gateways.every(({ sharing }) => !sharing!.isUp))
        // All places may be taken at this moment, by those who were sold them before.
        let refused: unknown
        do {
          await new Promise((resolve) => setTimeout(resolve, 1))
          refused = await gateways[0]!.reserve(BID, 0n, { ani: null })
          assert(refused === 'counters_away' || refused === 'campaign_concurrency', JSON.stringify(refused))
        } while (refused !== 'counters_away')
        await cluster.masters[one]!.start()
        await cluster.serves()
        await until(() => gateways.every(({ sharing }) => sharing!.isUp))
        const before = sales()
        await until(() => sales() > before + 20)
      }
    })
    await assertKept(two[1]!)
  })

  it('stand beside the news of calls and the answers of outside lists, wherever their keys are', async () => {
    const place = {
      url: cluster.url,
      cluster: cluster.others,
      connectTimeoutMs: 5000,
      deadlineMs: 5000,
      log: silentLog,
    }
    const lost = { onLost: () => assert.fail('some were lost'), lookBackMs: 60_000, now: Date.now }
    const [teller, hearer] = [new CallStream({ ...place, ...lost }), new CallStream({ ...place, ...lost })]
    const answers = new RedisDncAnswers(place)
    try {
      const heard: string[] = []
      await hearer.listen((news) => heard.push(news))
      for (const news of ['1', '2', '3']) teller.tell(news)
      await until(() => heard.length === 3)
      assert.deepEqual(heard, ['1', '2', '3'])
      await until(() =>
        answers.keep(CALLER, 'national', { said: 'listed', askedAtMs: 7 }, 60_000).then(
          () => true,
          () => false,
        ),
      )
      assert.deepEqual(await answers.find(CALLER, ['national', 'other']), [{ said: 'listed', askedAtMs: 7 }, null])
    } finally {
      for (const one of [teller, hearer, answers]) one.close()
    }
  })

  it('are not counted in one node of it, where nobody says that it is a cluster', async () => {
    const gateway = new ReservingGateway([], written, { url: cluster.url })
    gateways.push(gateway)
    await until(() => gateway.shared!.isConnected)
    await assert.rejects(gateway.shared!.join(), /redis\.cluster must be true/)
  })
})

describe('the settings of a Redis Cluster', () => {
  const options = (env: Record<string, string>) =>
    redisOptions(
      loadSettings({ file: null, env: { DCE_REDIS_URL: 'rediss://u:p@one:7000', ...env } }),
      silentLog as never,
      null as never,
    )

  it('are its first node, with user, password and TLS, and others that may be asked at a start', () => {
    assert.equal(options({})!.cluster, undefined)
    assert.deepEqual(options({ DCE_REDIS_CLUSTER: 'true' })!.cluster, [])
    const cluster = { DCE_REDIS_CLUSTER: 'true', DCE_REDIS_CLUSTER_NODES: 'two,three:7002' }
    assert.deepEqual(options(cluster)!.cluster, ['two:6379', 'three:7002'])
  })

  it('are refused where they cannot be meant', () => {
    assert.throws(() => options({ DCE_REDIS_CLUSTER_NODES: 'two' }), /redis\.cluster_nodes: needs redis\.cluster/)
    const numbered = { DCE_REDIS_URL: 'redis://one:7000/3', DCE_REDIS_CLUSTER: 'true' }
    assert.throws(() => options(numbered), /redis\.url: a cluster .* has no numbered databases/)
  })
})
