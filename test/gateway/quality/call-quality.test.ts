import assert from 'node:assert/strict'
import { createTelemetry } from '../../../config/telemetry.ts'
import { CallQuality, targetSample, trunkSample } from '../../../gateway/quality/call-quality.ts'
import { countQuality, showQuality } from '../../../gateway/quality/quality-metrics.ts'
import { Quality, type QualitySample } from '../../../gateway/quality/quality-window.ts'
import { restoreQuality } from '../../../gateway/quality/restore-quality.ts'
import type { CallRecord, LegRecord } from '../../../model/cdr.ts'
import { newId, type TargetId, type TrunkId } from '../../../model/ids.ts'
import { SAMPLE_QUALITY, sampleCall } from '../../support/sample-calls.ts'

const NOW = Date.UTC(2026, 2, 1, 12)
const ANSWERED: QualitySample = { isAnswered: true, isEffective: true, talkMs: 60_000, pddMs: 200 }
const BUSY: QualitySample = { isAnswered: false, isEffective: true, talkMs: 0, pddMs: null }
const FAILED: QualitySample = { isAnswered: false, isEffective: false, talkMs: 0, pddMs: null }

describe('the quality of a trunk or target', () => {
  it('is its ratios and means over five minutes, an hour and a day', () => {
    const quality = new Quality()
    quality.add(NOW - 2 * 3_600_000, FAILED)
    quality.add(NOW - 600_000, BUSY)
    quality.add(NOW - 1000, ANSWERED)
    quality.add(NOW, { ...ANSWERED, talkMs: 30_000, pddMs: 400 })
    const [minutes, hour, day] = quality.read(NOW)
    assert.deepEqual(minutes, {
      seconds: 300,
      attempts: 2,
      answered: 2,
      effective: 2,
      asr: 1,
      ner: 1,
      acdSeconds: 45,
      pddMs: 300,
    })
    assert.deepEqual([hour!.attempts, hour!.asr, hour!.ner], [3, 2 / 3, 1])
    assert.deepEqual([day!.attempts, day!.asr, day!.ner], [4, 0.5, 0.75])
  })

  it('says nothing of no calls', () => {
    for (const window of new Quality().read(NOW)) {
      const { attempts, asr, ner, acdSeconds, pddMs } = window
      assert.deepEqual([attempts, asr, ner, acdSeconds, pddMs], [0, null, null, null, null])
    }
  })

  it('forgets a call when its window has passed, and not a slice too early', () => {
    const quality = new Quality()
    quality.add(NOW, ANSWERED)
    assert.equal(quality.read(NOW + 289_000)[0]!.attempts, 1)
    assert.equal(quality.read(NOW + 300_000)[0]!.attempts, 0)
    assert.equal(quality.read(NOW + 300_000)[1]!.attempts, 1)
  })

  it('takes calls in any order, and leaves out those too old', () => {
    const quality = new Quality()
    quality.add(NOW, ANSWERED)
    quality.add(NOW - 100_000, BUSY)
    quality.add(NOW - 301_000, FAILED)
    assert.deepEqual(
      quality.read(NOW).map((window) => window.attempts),
      [2, 3, 3],
    )
  })

  it('agrees with a naive count over a day of calls', () => {
    const quality = new Quality()
    const calls: number[] = []
    let seed = 11
    for (let atMs = NOW; atMs < NOW + 86_400_000; atMs += 20_000) {
      seed = (seed * 48_271) % 2_147_483_647
      calls.push(atMs + (seed % 20_000))
      quality.add(calls.at(-1)!, seed % 3 === 0 ? ANSWERED : BUSY)
    }
    const endMs = NOW + 86_400_000
    quality.read(endMs).forEach((window, index) => {
      const seconds = [300, 3600, 86_400][index]!
      const from = (Math.floor(endMs / ((seconds * 1000) / 30)) - 29) * ((seconds * 1000) / 30)
      assert.equal(window.attempts, calls.filter((atMs) => atMs >= from).length)
    })
  })
})

function leg(changes: Partial<LegRecord>): LegRecord {
  const [, buyer] = sampleCall(newId()).legs
  return { ...buyer!, targetId: newId<TargetId>(), ringingAt: null, answeredAt: null, sipStatus: null, ...changes }
}

describe('what a call says', () => {
  const at = new Date(NOW)
  for (const [what, changes, expected] of [
    ['answered', {}, [true, true]],
    ['busy', { outcome: 'busy', answeredAt: null }, [false, true]],
    ['unanswered', { outcome: 'no_answer', answeredAt: null }, [false, true]],
    ['given up while it rang', { outcome: 'cancelled', answeredAt: null, ringingAt: at }, [false, true]],
    ['given up before it rang', { outcome: 'cancelled', answeredAt: null, ringingAt: null }, [false, false]],
    ['refused', { outcome: 'refused', answeredAt: null, ringingAt: null }, [false, false]],
    ['unsold', { outcome: 'no_sale', answeredAt: null, ringingAt: null }, [false, false]],
  ] as const) {
    it(`of its trunk, ${what}`, () => {
      const { isAnswered, isEffective } = trunkSample(sampleCall(newId(), changes))
      assert.deepEqual([isAnswered, isEffective], expected)
    })
  }

  for (const [what, changes, expected] of [
    ['answered', { sipStatus: 200, answeredAt: at }, [true, true]],
    ['busy', { sipStatus: 486 }, [false, true]],
    ['busy everywhere', { sipStatus: 600 }, [false, true]],
    ['declined', { sipStatus: 603 }, [false, true]],
    ['unavailable', { sipStatus: 480 }, [false, true]],
    ['rung in vain', { ringingAt: at }, [false, true]],
    ['silent', {}, [false, false]],
    ['unknown there', { sipStatus: 404, ringingAt: at }, [false, false]],
    ['overloaded', { sipStatus: 503 }, [false, false]],
  ] as const) {
    it(`of a target, ${what}`, () => {
      const { isAnswered, isEffective } = targetSample(leg(changes), sampleCall(newId()))
      assert.deepEqual([isAnswered, isEffective], expected)
    })
  }

  it('of delays: to ringing, or to the answer of one that never rang; of talk: to the target that was sold the call', () => {
    const later = new Date(NOW + 1500)
    const call = sampleCall(newId(), {
      durationMs: 7000,
      bidId: newId(),
      receivedAt: at,
      ringingAt: null,
      answeredAt: later,
    })
    assert.deepEqual([trunkSample(call).pddMs, trunkSample(call).talkMs], [1500, 7000])
    const sold = leg({ bidId: call.bidId, invitedAt: at, ringingAt: new Date(NOW + 300), answeredAt: later })
    assert.deepEqual([targetSample(sold, call).pddMs, targetSample(sold, call).talkMs], [300, 7000])
    assert.equal(targetSample({ ...sold, bidId: newId() }, call).talkMs, 0)
    assert.equal(targetSample(leg({ sipStatus: 503 }), call).pddMs, null)
  })
})

describe('the post-dial delay of a call whose caller was answered first', () => {
  for (const [what, ringingAt] of [
    ['that was rung', new Date(NOW + 9000)],
    ['that nobody bought', null],
  ] as const)
    it(`is what it waited for that answer, ${what}`, () => {
      const legs = [leg({ side: 'caller', answeredAt: new Date(NOW + 200) })]
      const call = sampleCall(newId(), { receivedAt: new Date(NOW), ringingAt, answeredAt: null, legs })
      assert.equal(trunkSample(call).pddMs, 200)
    })
})

describe('the quality of all trunks and targets', () => {
  const clock = { now: () => NOW, monotonicMs: () => 0 }
  const call = (trunkId: TrunkId, targetId: TargetId, changes: Partial<CallRecord> = {}): CallRecord =>
    sampleCall(newId(), { trunkId, endedAt: new Date(NOW), legs: [leg({ targetId, sipStatus: 486 })], ...changes })

  it('counts a leg for the outbound trunk it went through, too', () => {
    const quality = new CallQuality(clock)
    const [inbound, outbound] = [newId<TrunkId>(), newId<TrunkId>()]
    const legs = [leg({ sipStatus: 503, trunkId: outbound }), leg({ sipStatus: 486 })]
    quality.count(call(inbound, newId(), { legs }))
    assert.deepEqual([quality.ofTrunk(inbound)[0]!.asr, quality.ofTrunk(outbound)[0]!.ner], [1, 0])
    assert.equal(quality.ofTrunk(outbound)[0]!.attempts, 1)
  })

  it('is kept of so many, the one longest without a call forgotten first', () => {
    const quality = new CallQuality(clock, { maxKept: 3, maxLabels: 10 })
    const trunks = Array.from({ length: 4 }, () => newId<TrunkId>())
    for (const trunk of [0, 1, 2, 0, 3]) quality.count(call(trunks[trunk]!, newId()))
    assert.deepEqual(
      trunks.map((id) => quality.ofTrunk(id)[0]!.attempts),
      [2, 0, 1, 1],
    )
  })

  it('is shown in the metrics for so many, the rest together', async () => {
    const telemetry = createTelemetry()
    after(() => telemetry.close())
    const quality = new CallQuality(clock, { maxKept: 100, maxLabels: 2 })
    const trunks = Array.from({ length: 4 }, () => newId<TrunkId>())
    const target = newId<TargetId>()
    for (const id of trunks) countQuality(telemetry, quality, call(id, target, { durationMs: 10_000 }), 'udp')
    countQuality(
      telemetry,
      quality,
      call(trunks[3]!, target, { outcome: 'failed', answeredAt: null, ringingAt: null }),
      'udp',
    )
    telemetry.beforeRender(() => showQuality(telemetry, quality, NOW))
    const page = await telemetry.render()
    const lines = (name: string): string[] => page.split('\n').filter((line) => line.startsWith(`${name}{`))
    assert.deepEqual(
      lines('dce_trunk_calls_total').toSorted(),
      [
        `dce_trunk_calls_total{trunk="${trunks[0]}",result="answered"} 1`,
        `dce_trunk_calls_total{trunk="${trunks[1]}",result="answered"} 1`,
        'dce_trunk_calls_total{trunk="other",result="answered"} 2',
        'dce_trunk_calls_total{trunk="other",result="failed"} 1',
      ].toSorted(),
    )
    assert.equal(lines('dce_trunk_asr').length, 9)
    assert.ok(lines('dce_trunk_asr').includes(`dce_trunk_asr{trunk="other",window="300s"} ${2 / 3}`))
    assert.ok(lines('dce_trunk_acd_seconds').includes(`dce_trunk_acd_seconds{trunk="${trunks[0]}",window="3600s"} 10`))
    assert.ok(
      lines('dce_target_calls_total').includes(`dce_target_calls_total{target="${target}",result="unanswered"} 5`),
    )
    assert.ok(lines('dce_target_ner').includes(`dce_target_ner{target="${target}",window="86400s"} 1`))
  })

  it('has the opinion scores of its audio in the metrics, and what was wrong with it', async () => {
    const telemetry = createTelemetry()
    after(() => telemetry.close())
    const quality = new CallQuality(clock, { maxKept: 100, maxLabels: 1 })
    const media = (mosMean: number) => ({
      packetsReceived: 1,
      packetsLost: 0,
      octetsReceived: 1,
      jitterMs: 0,
      quality: { ...SAMPLE_QUALITY, mosMean, fault: null },
    })
    const trunks = [newId<TrunkId>(), newId<TrunkId>()]
    const target = newId<TargetId>()
    for (const trunk of trunks) {
      const made = call(trunk, target)
      const legs = [
        { ...made.legs[0]!, side: 'caller' as const, targetId: null, media: sampleCall(newId()).legs[0]!.media },
        { ...made.legs[0]!, side: 'buyer' as const, targetId: target, media: media(4.4) },
      ]
      countQuality(telemetry, quality, { ...made, legs }, 'udp')
    }
    const page = await telemetry.render()
    for (const line of [
      `dce_trunk_mos_sum{trunk="${trunks[0]}"} 4.25`,
      'dce_trunk_mos_count{trunk="other"} 1',
      'dce_trunk_mos_bucket{le="4.2",trunk="other"} 0',
      'dce_trunk_mos_bucket{le="4.3",trunk="other"} 1',
      `dce_target_mos_count{target="${target}"} 2`,
      'dce_audio_faults_total{side="caller",fault="no_audio"} 2',
    ])
      assert.ok(page.includes(`${line}\n`), line)
  })

  it('is restored from the calls of the last day, the newest of them when there are too many', async () => {
    const quality = new CallQuality(clock)
    const trunk = newId<TrunkId>()
    const asked: unknown[] = []
    const pages = (page: { limit: number; cursor: string | null }, filter: { state: string; since: Date }) => {
      asked.push([page.limit, page.cursor, filter.state, NOW - filter.since.getTime()])
      const data = Array.from({ length: page.limit }, () => call(trunk, newId()))
      return Promise.resolve({ data, nextCursor: `after ${asked.length}` })
    }
    await restoreQuality(quality, pages, NOW, 1500)
    assert.deepEqual(asked, [
      [1000, null, 'ended', 86_400_000],
      [500, 'after 1', 'ended', 86_400_000],
    ])
    assert.equal(quality.ofTrunk(trunk)[2]!.attempts, 1500)
  })
})
