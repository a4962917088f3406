import assert from 'node:assert/strict'
import { mock } from 'node:test'
import { FeatureSet } from '../../../compliance/fraud/features/feature-set.ts'
import type { ArrivingCall, EndedCall } from '../../../compliance/fraud/fraud-call.ts'
import { FraudWatch } from '../../../compliance/fraud/fraud-watch.ts'
import { readFraudRules } from '../../../compliance/fraud/rules/fraud-rules.ts'
import { MAX_FRAUD_BLOCKS } from '../../../compliance/fraud/rules/timed-blocks.ts'
import { loadPlaces } from '../../../config/reference-data.ts'
import { createLogger } from '../../../config/logger.ts'
import { createTelemetry } from '../../../config/telemetry.ts'
import { codecsOf } from '../../../gateway/fraud/fraud-calls.ts'
import { FraudPart, type FraudStorage } from '../../../gateway/fraud/fraud-part.ts'
import { rebuild } from '../../../gateway/fraud/rebuild.ts'
import { MAX_WAITING, ScoreKeeper } from '../../../gateway/fraud/score-keeper.ts'
import type { CallNews, JudgedCaller, PastCall } from '../../../gateway/needs.ts'
import type { Screened } from '../../../gateway/screening/screening.ts'
import { SharedNews } from '../../../gateway/screening/shared-news.ts'
import type { FraudBlock, FraudScore } from '../../../model/fraud.ts'
import {
  newId,
  type AccountId,
  type CallId,
  type FraudBlockId,
  type NumberId,
  type TrunkId,
} from '../../../model/ids.ts'
import type { PhoneNumber } from '../../../model/phone-number.ts'
import { compliance } from '../../compliance/support.ts'
import { anAccount, aTrunk, NOON } from '../../support/market.ts'
import { anArrival, aScreening } from '../../support/screening.ts'
import { until } from '../../support/until.ts'

const places = loadPlaces()
const { logger: silentLogger } = createLogger({ level: 'silent' })
const CALLER = '+12125527391' as PhoneNumber
const DAY_MS = 86_400_000

/** What two gateways tell one another, at once. */
function line(): { join(): CallNews } {
  const hearers: { self: object; hear: (news: string) => void }[] = []
  return {
    join() {
      const self = {}
      return {
        tell: (news) => {
          for (const each of hearers) if (each.self !== self) each.hear(news)
        },
        async listen(hear) {
          hearers.push({ self, hear })
        },
        untold: 0,
        close() {},
      }
    },
  }
}

const INVITE = {
  trunk: aTrunk('trunk', 'seller'),
  caller: { sourceAddress: '192.0.2.7', offer: null, header: () => 'carrier/1' } as never,
}

/** Fraud in a gateway, its storage a list of what it was given. */
async function gateway({
  mode = 'enforce',
  news = null,
  past = [],
}: { mode?: 'report' | 'enforce'; news?: CallNews | null; past?: PastCall[] } = {}) {
  const watch = new FraudWatch(
    {
      thresholds: { low: 0.3, medium: 0.6, high: 0.8 },
      velocity: null,
      rules: readFraudRules(null),
      model: null,
      modelMayBlock: false,
    },
    new FeatureSet({ callers: 1024, blocks: 1024, numbers: 64, sellers: 64, trunks: 64, targets: 64, open: 1024 }),
  )
  const scores: FraudScore[] = []
  const announced: FraudScore[] = []
  const blocks: FraudBlock[] = []
  const judged: JudgedCaller[] = []
  const telemetry = createTelemetry()
  const part = new FraudPart({
    watch,
    isEnforced: mode === 'enforce',
    keepMs: DAY_MS,
    operatorId: 'house' as AccountId,
    places,
    news,
    announcements: { fraudScored: (scored) => announced.push(scored) },
    clock: { now: () => NOON },
    log: silentLogger,
    telemetry,
  })
  const storage: FraudStorage = {
    fraud: {
      addScores: async (some) => void scores.push(...some),
      async *pastCalls() {
        yield* past
      },
      judgedCallers: async () => judged,
      prune: async () => {},
    },
    stores: {
      fraudBlocks: {
        async create(draft) {
          const at = new Date(NOON)
          const block = { ...draft, id: newId<FraudBlockId>(), version: 1, createdAt: at, updatedAt: at }
          blocks.push(block)
          part.apply({ kind: 'fraud-block', id: block.id, value: block })
          return block
        },
      },
    },
  }
  part.open(storage)
  await part.start()
  const screening = aScreening(compliance(), { judges: [part.judge] })
  return {
    watch,
    part,
    scores,
    announced,
    blocks,
    judged,
    telemetry,
    call: (seconds: number, over: Parameters<typeof anArrival>[0] = {}) => {
      const arrival = { callId: newId<CallId>(), ani: CALLER, atMs: NOON + seconds * 1000, invite: INVITE, ...over }
      return screening.screen(anArrival(arrival), null) as Screened
    },
  }
}

describe('fraud in the gateway', () => {
  it('refuses a caller whose score is high, blocks it for a time, and keeps and announces why', async () => {
    const { call, blocks, scores, announced, part } = await gateway()
    const screened = Array.from({ length: 20 }, (_, i) => call(i))
    assert.equal(screened[0]!.refusal, null)
    const check = screened[0]!.checks.find((each) => each.check === 'fraud')!
    assert.deepEqual([check.effect, check.score, check.action, check.detail], ['allow', 0, 'allow', '0.00, allow'])
    const refused = screened.find(({ refusal }) => refusal !== null)!
    assert.deepEqual(refused.refusal, { reason: 'fraud', text: 'fraud' }) // No word to the carrier of what it was known by.
    assert.match(refused.rule!, /^fraud:caller-/)
    assert.match(refused.text, /block: .*calls of this caller/)
    await until(() => blocks.length > 0)
    assert.deepEqual(
      blocks.map(({ kind, value, madeBy }) => [kind, value, madeBy.slice(0, 5)]),
      blocks.map(() => ['caller', CALLER, 'rule ']),
    )
    assert.match(call(30).rule!, /^fraud:timed-block:caller$/)
    assert.equal(call(30, { ani: '+12125520000' as PhoneNumber }).refusal, null)
    assert.equal(call(31, { invite: null }).refusal!.reason, 'fraud') // Nor is a ping of it promised a price.
    await part.close()
    assert.ok(scores.length > 3 && scores.length < 20)
    assert.deepEqual(announced, scores)
    assert.deepEqual([scores.at(-1)!.action, scores.at(-1)!.isEnforced, scores.at(-1)!.ani], ['block', true, CALLER])
  })

  it('refuses a number that was forged only through the seller it was forged through', async () => {
    const { call, blocks } = await gateway()
    for (let i = 0; i < 20; i++) call(i)
    await until(() => blocks.length > 0)
    assert.deepEqual(new Set(blocks.map(({ sellerId }) => sellerId)), new Set(['seller']))
    assert.equal(call(30).rule, 'fraud:timed-block:caller')
    const elsewhere = { seller: anAccount('other seller', { type: 'seller' }) }
    assert.deepEqual([call(31, elsewhere).refusal, call(32, { ...elsewhere, invite: null }).refusal], [null, null])
  })

  it('takes a signature that comes again with another call for none', async () => {
    const { blocks, part } = await gateway()
    const signature = { assertion: { passport: { signed: 'head.body' } } }
    for (let i = 0; i < 20; i++) {
      const arrival = anArrival({ callId: newId<CallId>(), ani: CALLER, atMs: NOON + i * 1000, invite: INVITE })
      part.judge.observe!(arrival, { attestation: 'A', signature } as never)
      part.judge.judge(arrival, {} as never)
    }
    await until(() => blocks.length > 0)
    assert.deepEqual(new Set(blocks.map(({ sellerId }) => sellerId)), new Set(['seller']))
  })

  it('refuses a number that is attested its caller’s own through every seller', async () => {
    const { call, blocks, part } = await gateway()
    for (let i = 0; i < 20; i++) {
      const arrival = anArrival({ callId: newId<CallId>(), ani: CALLER, atMs: NOON + i * 1000, invite: INVITE })
      part.judge.observe!(arrival, { attestation: 'A' } as never)
      part.judge.judge(arrival, {} as never)
    }
    await until(() => blocks.length > 0)
    assert.deepEqual(new Set(blocks.map(({ sellerId }) => sellerId)), new Set([null]))
    assert.equal(call(31, { seller: anAccount('other seller', { type: 'seller' }) }).rule, 'fraud:timed-block:caller')
  })

  it('lets a caller through what rules have made, and nothing else, when an analyst has called it clean', async () => {
    const { call, blocks, part } = await gateway()
    for (let i = 0; i < 20; i++) call(i)
    await until(() => blocks.length > 0)
    assert.equal(call(30).rule, 'fraud:timed-block:caller')
    part.label(CALLER, 'clean')
    assert.deepEqual([call(31).refusal, call(31, { invite: null }).refusal], [null, null])
    const id = newId<FraudBlockId>()
    part.apply({ kind: 'fraud-block', id, value: { ...blocks[0]!, id, madeBy: 'user 1' } })
    assert.equal(call(32).rule, 'fraud:timed-block:caller')
    part.apply({ kind: 'fraud-block', id, value: null })
    part.label(CALLER, 'fraud')
    assert.equal(call(33).rule, 'fraud:timed-block:caller')
  })

  it('only reports where it is not to be enforced, but for blocks that people made', async () => {
    const { call, blocks, part } = await gateway({ mode: 'report' })
    const screened = Array.from({ length: 30 }, (_, i) => call(i))
    assert.ok(screened.every(({ refusal }) => refusal === null))
    const check = screened.at(-1)!.checks.find((each) => each.check === 'fraud')!
    assert.deepEqual([check.effect, check.action], ['advisory', 'block'])
    assert.match(check.detail, /block \(only reported\): /)
    assert.deepEqual(blocks, [])
    const at = new Date(NOON)
    const made = {
      kind: 'caller',
      value: CALLER,
      sellerId: null,
      until: new Date(NOON + DAY_MS),
      reason: 'asked for',
      madeBy: 'user 1',
    } as const
    const id = newId<FraudBlockId>()
    const value = { id, accountId: 'house' as AccountId, version: 1, createdAt: at, updatedAt: at, ...made }
    part.apply({ kind: 'fraud-block', id, value })
    assert.equal(call(40).refusal!.reason, 'fraud')
    part.apply({ kind: 'fraud-block', id, value: null })
    assert.equal(call(41).refusal, null)
    // Made before the operator went back to reports, or by a gateway that enforces.
    part.apply({ kind: 'fraud-block', id, value: { ...value, madeBy: 'rule caller-rate-hour' } })
    assert.equal(call(42).refusal, null)
  })

  it('knows no block that is over, which is kept to be listed', async () => {
    const { call, part, watch } = await gateway()
    const id = newId<FraudBlockId>()
    const at = new Date(NOON)
    const over = {
      kind: 'caller',
      value: CALLER,
      sellerId: null,
      until: at,
      reason: 'asked for',
      madeBy: 'user 1',
    } as const
    const value = { id, accountId: 'house' as AccountId, version: 1, createdAt: at, updatedAt: at, ...over }
    part.apply({ kind: 'fraud-block', id, value: { ...value, until: new Date(NOON + DAY_MS) } })
    assert.equal(call(0).refusal!.reason, 'fraud')
    part.apply({ kind: 'fraud-block', id, value })
    assert.equal(watch.blocks.size, 0)
    assert.equal(call(1).refusal, null)
  })

  it('makes no more blocks than there may be', async () => {
    const { call, blocks, part, watch } = await gateway()
    const at = new Date(NOON)
    for (let i = 0; i < MAX_FRAUD_BLOCKS; i++) {
      const id = String(i) as FraudBlockId
      const value = `+1${3_000_000_000 + i}`
      const kept = {
        kind: 'caller',
        value,
        sellerId: null,
        until: new Date(NOON + DAY_MS),
        reason: '',
        madeBy: 'user 1',
      } as const
      part.apply({
        kind: 'fraud-block',
        id,
        value: { id, accountId: 'house' as AccountId, version: 1, createdAt: at, updatedAt: at, ...kept },
      })
    }
    for (let i = 0; i < 30; i++) call(i)
    assert.equal(watch.blocks.size, MAX_FRAUD_BLOCKS)
    assert.deepEqual(blocks, [])
    assert.notEqual(call(30).refusal, null) // The call itself is refused all the same.
  })

  it('counts calls of all gateways together', async () => {
    const shared = line()
    const [a, b] = [
      await gateway({ news: new SharedNews(shared.join()) }),
      await gateway({ news: new SharedNews(shared.join()) }),
    ]
    for (let i = 0; i < 20; i++) a.call(i)
    assert.notEqual(b.call(21).refusal, null)
    assert.equal(a.watch.sizes().open, 21)
  })

  it('hears what analysts say at another gateway, by Redis or when it reads again what is kept', async () => {
    const shared = line()
    const [a, b] = [
      await gateway({ news: new SharedNews(shared.join()) }),
      await gateway({ news: new SharedNews(shared.join()) }),
    ]
    a.part.label(CALLER, 'fraud')
    assert.match(b.call(0).text, /an analyst has called this caller a fraud/)
    const sweeps = mock.timers
    sweeps.enable({ apis: ['setInterval'] })
    try {
      const alone = await gateway()
      assert.equal(alone.call(0).rule, null)
      alone.judged.push({ ani: CALLER, label: 'fraud' })
      sweeps.tick(600_000)
      await until(() => alone.call(1).text.includes('an analyst has called this caller a fraud'))
    } finally {
      sweeps.reset()
    }
  })

  it('tells the metrics what it watches', async () => {
    const { call, telemetry } = await gateway({ mode: 'report' })
    for (let i = 0; i < 20; i++) call(i)
    const told = await telemetry.render()
    assert.match(told, /dce_fraud_scores_total\{action="allow",enforced="false"\} \d/)
    assert.match(told, /dce_fraud_watched\{subject="callers"\} 1\n/)
  })
})

describe('the calls of before a start', () => {
  const past = (minute: number, minutes: number, over: Partial<PastCall> = {}): PastCall => ({
    id: newId<CallId>(),
    receivedAt: new Date(NOON + minute * 60_000),
    endedAt: new Date(NOON + (minute + minutes) * 60_000),
    ani: CALLER,
    dnis: '+18005550100' as PhoneNumber,
    trunkId: 't' as TrunkId,
    sellerId: 's' as AccountId,
    numberId: 'n' as NumberId,
    vertical: 'insurance',
    trafficType: 'inbound',
    outcome: 'answered',
    targetId: null,
    buyerId: null,
    durationMs: minutes * 60_000,
    pddMs: 700,
    billableAfter: 60,
    isBilled: true,
    hungUpBy: 'caller',
    audioFault: null,
    ...over,
  })

  it('are counted again, each end in its place', async () => {
    async function* calls(): AsyncGenerator<PastCall> {
      yield* [past(0, 30), past(1, 2), past(2, 10), past(3, 0), past(20, 5)]
    }
    const seen: [string, number][] = []
    const minute = (atMs: number): number => (atMs - NOON) / 60_000
    const watching = {
      count: ({ atMs }: ArrivingCall) => void seen.push(['arrived', minute(atMs)]),
      end: ({ endedAtMs }: EndedCall) => void seen.push(['ended', minute(endedAtMs)]),
    }
    assert.equal(await rebuild(watching, calls(), places), 5)
    assert.equal(
      seen.map(([what, at]) => `${what} ${at}`).join(', '),
      'arrived 0, arrived 1, arrived 2, ended 3, arrived 3, ended 3, ended 12, arrived 20, ended 25, ended 30',
    )
  })

  it('count at once after a restart', async () => {
    const { call } = await gateway({ past: Array.from({ length: 45 }, (_, i) => past(-46 + i, 0)) })
    const { checks } = call(0)
    assert.match(checks.find(({ check }) => check === 'fraud')!.detail, /calls of this caller in an hour: 4\d/)
  })
})

describe('scores that are to be kept', () => {
  const score = (at: number) => ({ callId: String(at) }) as unknown as FraudScore

  it('are written together, tried again when that fails, and given up beyond a limit, the oldest first', async () => {
    const written: FraudScore[] = []
    let isAway = true
    let dropped = 0
    const addScores = async (some: readonly FraudScore[]): Promise<void> => {
      if (isAway) throw new Error('away')
      written.push(...some)
    }
    const keeper = new ScoreKeeper({ addScores }, silentLogger, (count) => (dropped += count))
    for (let at = 0; at < MAX_WAITING + 5; at++) keeper.add(score(at))
    assert.deepEqual([keeper.waiting, dropped], [MAX_WAITING, 5])
    await keeper.flush()
    assert.equal(keeper.waiting, MAX_WAITING)
    isAway = false
    await keeper.close()
    assert.equal(keeper.waiting, 0)
    assert.deepEqual(
      [written.length, written[0]!.callId, written.at(-1)!.callId],
      [MAX_WAITING, '5', String(MAX_WAITING + 4)],
    )
  })
})

describe('scores while a write takes long', () => {
  it('wait for it, however often they are to be written, and go once', async () => {
    const batches: number[] = []
    const slow = Promise.withResolvers<void>()
    const keeper = new ScoreKeeper(
      { addScores: (some) => (batches.push(some.length), slow.promise) },
      silentLogger,
      () => assert.fail('nothing is dropped'),
    )
    const score = { callId: 'one' } as FraudScore
    keeper.add(score)
    const flushes = [keeper.flush()]
    for (let i = 0; i < 9; i++) {
      keeper.add({ ...score })
      flushes.push(keeper.flush())
    }
    assert.deepEqual(batches, [1])
    slow.resolve()
    await Promise.all(flushes)
    await keeper.close()
    assert.deepEqual([batches, keeper.waiting], [[1, 9], 0])
  })
})

describe('the codecs of an offer', () => {
  it('are named in its order, the static ones too', () => {
    const sdp = (lines: string[]) => lines.join('\r\n')
    const offer = sdp([
      'v=0',
      'a=rtpmap:96 nothing/1',
      'm=audio 4000 RTP/AVP 8 0 96 101',
      'a=rtpmap:101 telephone-event/8000',
      'a=rtpmap:96 opus/48000/2',
      'm=video 4002 RTP/AVP 97',
      'a=rtpmap:97 VP8/90000',
    ])
    assert.deepEqual(codecsOf(offer), ['PCMA', 'PCMU', 'opus', 'telephone-event'])
    assert.deepEqual(codecsOf(null), [])
    assert.deepEqual(codecsOf('v=0'), [])
    assert.equal(codecsOf(`m=audio 1 RTP/AVP ${'0 '.repeat(500)}`).length, 32)
  })
})
