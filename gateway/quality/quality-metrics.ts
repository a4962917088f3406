import type { Telemetry } from '../../config/telemetry.ts'
import type { CallRecord, LegRecord } from '../../model/cdr.ts'
import type { TrunkId } from '../../model/ids.ts'
import { targetSample, trunkSample, type CallQuality, type QualityTable } from './call-quality.ts'
import type { QualitySample } from './quality-window.ts'

/** Counts an ended call, which came over `transport`, for its trunk, each target rung and the trunks to them, in the windows and in the metrics. */
export function countQuality(telemetry: Telemetry, quality: CallQuality, call: CallRecord, transport: string): void {
  quality.count(call)
  const trunk = quality.trunks.labelOf(call.trunkId)
  telemetry.trunkInvites.inc({ trunk, transport, status: String(call.sipStatus ?? 'none') })
  countTrunk(telemetry, quality, call.trunkId, trunkSample(call))
  for (const leg of call.legs) {
    countAudio(telemetry, quality, call, leg)
    if (leg.side !== 'buyer' || leg.targetId === null) continue
    const sample = targetSample(leg, call)
    const target = quality.targets.labelOf(leg.targetId)
    telemetry.targetCalls.inc({ target, result: resultOf(sample) })
    telemetry.targetTalk.inc({ target }, sample.talkMs / 1000)
    if (leg.trunkId !== null) countTrunk(telemetry, quality, leg.trunkId, sample)
  }
}

function countTrunk(telemetry: Telemetry, quality: CallQuality, id: TrunkId, sample: QualitySample): void {
  const trunk = quality.trunks.labelOf(id)
  telemetry.trunkCalls.inc({ trunk, result: resultOf(sample) })
  telemetry.trunkTalk.inc({ trunk }, sample.talkMs / 1000)
}

/** The caller's audio is its trunk's; a buyer's is its target's, and of the trunk to it. */
function countAudio(telemetry: Telemetry, quality: CallQuality, call: CallRecord, leg: LegRecord): void {
  const audio = leg.media?.quality
  if (!audio) return
  if (audio.fault !== null) telemetry.audioFaults.inc({ side: leg.side, fault: audio.fault })
  if (audio.mosMean === null) return
  const trunkId = leg.side === 'caller' ? (leg.trunkId ?? call.trunkId) : leg.trunkId
  if (trunkId !== null) telemetry.trunkMos.observe({ trunk: quality.trunks.labelOf(trunkId) }, audio.mosMean)
  if (leg.targetId !== null)
    telemetry.targetMos.observe({ target: quality.targets.labelOf(leg.targetId) }, audio.mosMean)
}

function resultOf({ isAnswered, isEffective }: QualitySample): string {
  return isAnswered ? 'answered' : isEffective ? 'unanswered' : 'failed'
}

/** Sets the gauges of quality; asked for just before each page. */
export function showQuality(telemetry: Telemetry, quality: CallQuality, nowMs: number): void {
  show(quality.trunks, nowMs, 'trunk', [telemetry.trunkAsr, telemetry.trunkNer, telemetry.trunkAcd, telemetry.trunkPdd])
  show(quality.targets, nowMs, 'target', [
    telemetry.targetAsr,
    telemetry.targetNer,
    telemetry.targetAcd,
    telemetry.targetPdd,
  ])
}

interface Shown<Label extends string> {
  reset(): void
  set(labels: Record<Label | 'window', string>, value: number): void
}

function show<Label extends string>(
  table: QualityTable,
  nowMs: number,
  name: Label,
  [asr, ner, acd, pdd]: readonly [Shown<Label>, Shown<Label>, Shown<Label>, Shown<Label>],
): void {
  for (const gauge of [asr, ner, acd, pdd]) gauge.reset()
  for (const { label, windows } of table.labelled(nowMs)) {
    for (const window of windows) {
      const set = (gauge: Shown<Label>, value: number | null): void => {
        if (value === null) return
        gauge.set({ [name]: label, window: `${window.seconds}s` } as Record<Label | 'window', string>, value)
      }
      set(asr, window.asr)
      set(ner, window.ner)
      set(acd, window.acdSeconds)
      set(pdd, window.pddMs === null ? null : window.pddMs / 1000)
    }
  }
}
