import { z } from 'zod'
import { FRAUD_ACTIONS } from '../model/fraud.ts'
import type { CallRecord, CheckRecord, LegRecord, MediaStats } from '../model/cdr.ts'
import { MONITOR_MODES, type CallMonitor } from '../model/call-monitor.ts'
import type { BilledMinutes } from '../model/per-minute.ts'
import type { CallRecording } from '../model/recording.ts'
import type { Caller } from './endpoint.ts'
import * as s from './schemas.ts'

const Leg = z.strictObject({
  side: z.enum(['caller', 'buyer']),
  sip_call_id: z.string(),
  bid_id: s.printedId().nullable(),
  target_id: s.printedId().nullable(),
  uri: z.string().nullable(),
  invited_at: s.printedTime(),
  ringing_at: s.printedTime().nullable(),
  answered_at: s.printedTime().nullable(),
  ended_at: s.printedTime().nullable(),
  sip_status: z.int().nullable(),
  media: z
    .strictObject({
      packets_received: z.int(),
      packets_lost: z.int(),
      octets_received: z.int(),
      jitter_ms: z.number(),
      packets_out_of_order: z.int().nullable(),
      packets_duplicate: z.int().nullable(),
      jitter_max_ms: z.number().nullable(),
      round_trip_ms: z.number().nullable(),
      reported_lost: z.int().nullable(),
      mos_min: z.number().nullable(),
      mos_mean: z.number().nullable(),
      fault: z.enum(['no_audio', 'digital_silence']).nullable(),
      fault_ms: z.number().nullable(),
    })
    .nullable(),
})

const RecordingAnswer = z.strictObject({
  name: z.string(),
  started_at: s.printedTime(),
  duration_ms: z.int(),
  bytes: z.int(),
  state: z.enum(['recording', 'kept', 'interrupted', 'erased', 'lost']),
  reason: z.string().nullable(),
  erased_at: s.printedTime().nullable(),
})

export const MonitorAnswer = z.strictObject({
  id: s.printedId(),
  to: z.string(),
  mode: z.enum(MONITOR_MODES),
  state: z.enum(['ringing', 'joined', 'ended']),
  started_at: s.printedTime(),
  joined_at: s.printedTime().nullable(),
  ended_at: s.printedTime().nullable(),
  reason: z.string().nullable().meta({
    description:
      'Why it is over: closed, busy, no_answer, rejected_…, supervisor_hung_up, call_ended, or the engine’s word',
  }),
})

const nullableId = s.printedId().nullable()
const nullableTime = s.printedTime().nullable()
export const CallAnswer = z.strictObject({
  id: s.printedId(),
  state: z.enum(['received', 'screening', 'auction', 'ringing', 'answered', 'ended']),
  outcome: z.string().nullable(),
  from: z.string().nullable(),
  to: z.string(),
  trunk_id: nullableId,
  number_id: nullableId,
  seller_id: nullableId,
  buyer_id: nullableId,
  campaign_id: nullableId,
  bid_id: nullableId,
  target_id: nullableId,
  auction_id: nullableId,
  vertical: z.string().nullable(),
  traffic_type: z.string().nullable(),
  received_at: s.printedTime(),
  ringing_at: nullableTime,
  answered_at: nullableTime,
  ended_at: nullableTime,
  duration_ms: z.int(),
  billable_ms: z.int(),
  price: s.printedMoney().nullable(),
  payout: s.printedMoney().nullable(),
  per_minute: z
    .strictObject({
      price: s.printedMoney().nullable(),
      billed_seconds: z.int().nullable(),
      payout: s.printedMoney().nullable(),
      payout_seconds: z.int().nullable(),
    })
    .nullable()
    .meta({
      description: 'What a minute cost and paid, and for how many seconds; null where neither was by the minute',
    }),
  currency: z.string(),
  sip_status: z.int().nullable(),
  end_reason: z.string().nullable(),
  hung_up_by: z.string().nullable(),
  legs: z.array(Leg),
  recordings: z.array(RecordingAnswer),
  monitors: z
    .array(MonitorAnswer)
    .meta({ description: 'Of a call that is up; those of others are told to administrators alone' }),
  compliance: z
    .strictObject({
      allowed: z.boolean(),
      rule: z.string().nullable(),
      checks: z.array(
        z.strictObject({
          check: z.string(),
          effect: z.enum(['allow', 'block', 'advisory']),
          rule: z.string(),
          source: z.string(),
          detail: z.string(),
          version: z.string().optional().meta({ description: 'The edition of the rule: a date, or a number' }),
          evidence: z.string().optional().meta({ description: 'What the consumer’s place was known by' }),
          took_ms: z.int().optional().meta({ description: 'How long an answer from outside took' }),
        }),
      ),
    })
    .nullable(),
  signature: z
    .strictObject({
      verdict: z.enum(['passed', 'failed', 'none']),
      attestation: z.enum(['A', 'B', 'C']).nullable(),
      orig_id: z.string().nullable(),
      signer: z.string().nullable(),
      sip_status: z.int().nullable(),
      detail: z.string().nullable(),
    })
    .nullable()
    .meta({
      description:
        'What became of the signature the call came with (STIR); null where telephony.stir.policy is off. A buyer reads verdict and attestation alone',
    }),
  fraud: z
    .strictObject({ score: z.number(), action: z.enum(FRAUD_ACTIONS), detail: z.string() })
    .nullable()
    .meta({ description: 'Null where it was not scored, and for sellers and buyers' }),
  trace: z.array(z.strictObject({ at_ms: z.number(), step: z.string(), detail: z.string().nullable() })),
  decision: z.array(z.string()).nullable().meta({
    description:
      'Of one call that is read by itself: how its auction came out, in words; a buyer reads of its own bids. Null in lists, without an auction, and for sellers',
  }),
})
type View = z.input<typeof CallAnswer>

/** Whether the call is the caller's to read. */
export function mayReadCall(call: CallRecord, caller: Caller): boolean {
  if (caller.role === 'admin') return true
  return caller.role === 'seller' ? call.sellerId === caller.accountId : call.buyerId === caller.accountId
}

/** The legs `caller` may see: a seller its own, a buyer the one it took. */
export function visibleLegs(call: CallRecord, caller: Caller): readonly LegRecord[] {
  if (caller.role === 'admin') return call.legs
  if (caller.role === 'seller') return call.legs.filter((leg) => leg.side === 'caller')
  return call.legs.filter((leg) => leg.side === 'buyer' && leg.bidId === call.bidId)
}

/**
 * A call as `caller` may read it. A seller never sees who bought it, what was bid or paid; a buyer never sees the payout or
 * who else was rung; the trace keeps its steps and loses its details, which name both.
 */
export function viewCall(
  call: CallRecord,
  caller: Caller,
  recordings: readonly CallRecording[],
  monitors: readonly CallMonitor[],
): View {
  const legs = visibleLegs(call, caller).map(viewLeg)
  const recorded = recordings.filter(({ callId }) => callId === call.id).map(viewRecording)
  const seen = monitors.filter((monitor) => mayKnowOf(monitor, caller)).map(viewMonitor)
  const whole = { ...viewWhole(call), legs, recordings: recorded, monitors: seen }
  if (caller.role === 'admin') return whole
  const trace = whole.trace.map((step) => ({ ...step, detail: null }))
  if (caller.role === 'seller') {
    return {
      ...whole,
      buyer_id: null,
      campaign_id: null,
      bid_id: null,
      target_id: null,
      price: null,
      per_minute: whole.per_minute?.payout ? { ...whole.per_minute, price: null, billed_seconds: null } : null,
      compliance: viewCompliance({ checks: call.checks.map(withoutFraud) }),
      fraud: null,
      trace,
    }
  }
  return {
    ...whole,
    fraud: null,
    trunk_id: null,
    number_id: null,
    payout: null,
    per_minute: whole.per_minute?.price ? { ...whole.per_minute, payout: null, payout_seconds: null } : null,
    compliance: null,
    signature: whole.signature && { ...whole.signature, ...UNTOLD },
    trace,
  }
}

/** Administrators know of every supervisor, anybody else of those its own account has had called. */
export function mayKnowOf(monitor: CallMonitor, caller: Caller): boolean {
  return caller.role === 'admin' || monitor.accountId === caller.accountId
}

export function viewMonitor(monitor: CallMonitor): z.input<typeof MonitorAnswer> {
  return {
    id: monitor.id,
    to: monitor.to,
    mode: monitor.mode,
    state: monitor.state,
    started_at: s.printTime(monitor.startedAt),
    joined_at: s.printTime(monitor.joinedAt),
    ended_at: s.printTime(monitor.endedAt),
    reason: monitor.reason,
  }
}

function viewRecording(recording: CallRecording): z.input<typeof RecordingAnswer> {
  return {
    name: recording.name,
    started_at: s.printTime(recording.startedAt),
    duration_ms: recording.durationMs,
    bytes: recording.bytes,
    state: recording.state,
    reason: recording.reason,
    erased_at: s.printTime(recording.erasedAt),
  }
}

function viewMinutes(minutes: BilledMinutes | null): View['per_minute'] {
  return (
    minutes && {
      price: s.printMoney(minutes.price && minutes.price.rateMicros),
      billed_seconds: minutes.price?.seconds ?? null,
      payout: s.printMoney(minutes.payout && minutes.payout.rateMicros),
      payout_seconds: minutes.payout?.seconds ?? null,
    }
  )
}

function viewWhole(call: CallRecord): Omit<View, 'legs' | 'recordings' | 'monitors'> {
  return {
    id: call.id,
    state: call.state,
    outcome: call.outcome,
    from: call.ani,
    to: call.dnis,
    trunk_id: call.trunkId,
    number_id: call.numberId,
    seller_id: call.sellerId,
    buyer_id: call.buyerId,
    campaign_id: call.campaignId,
    bid_id: call.bidId,
    target_id: call.targetId,
    auction_id: call.auctionId,
    vertical: call.vertical,
    traffic_type: call.trafficType,
    received_at: s.printTime(call.receivedAt),
    ringing_at: s.printTime(call.ringingAt),
    answered_at: s.printTime(call.answeredAt),
    ended_at: s.printTime(call.endedAt),
    duration_ms: call.durationMs,
    billable_ms: call.billableMs,
    price: s.printMoney(call.priceMicros),
    payout: s.printMoney(call.payoutMicros),
    per_minute: viewMinutes(call.legs.find(({ minutes }) => minutes)?.minutes ?? null),
    currency: call.currency,
    sip_status: call.sipStatus,
    end_reason: call.endReason,
    hung_up_by: call.hungUpBy,
    compliance: viewCompliance(call),
    signature: viewSignature(call),
    fraud: viewFraud(call),
    decision: null,
    trace: call.trace.map(({ atMs, step, detail }) => ({ at_ms: atMs, step, detail })),
  }
}

/** Whoever sells calls does not learn what fraud is known by. */
function withoutFraud(check: CheckRecord): CheckRecord {
  const { effect, source } = check
  return check.check === 'fraud' ? { check: 'fraud', effect, rule: 'fraud', source, detail: '' } : check
}

function viewCompliance(call: Pick<CallRecord, 'checks'>): View['compliance'] {
  if (call.checks.length === 0) return null
  const blocked = call.checks.find((check) => check.effect === 'block')
  return { allowed: !blocked, rule: blocked?.rule ?? null, checks: call.checks.map(viewCheck) }
}

function viewCheck({
  tookMs,
  score: _score,
  action: _action,
  ...check
}: CallRecord['checks'][number]): NonNullable<View['compliance']>['checks'][number] {
  return tookMs === undefined ? check : { ...check, took_ms: tookMs }
}

function viewFraud({ checks }: CallRecord): View['fraud'] {
  const scored = checks.find(({ check }) => check === 'fraud')
  if (scored?.score === undefined || scored.action === undefined) return null
  return { score: scored.score, action: scored.action, detail: scored.detail }
}

/** Of a signature, what names those the call came through. */
const UNTOLD = { orig_id: null, signer: null, sip_status: null, detail: null }

function viewSignature({ legs }: CallRecord): View['signature'] {
  const signature = legs.find(({ side }) => side === 'caller')?.signature
  if (!signature) return null
  const { verdict, attestation, origId, signer, status, detail } = signature
  return { verdict, attestation, orig_id: origId, signer, sip_status: status, detail }
}

function viewLeg(leg: LegRecord): z.input<typeof Leg> {
  return {
    side: leg.side,
    sip_call_id: leg.sipCallId,
    bid_id: leg.bidId,
    target_id: leg.targetId,
    uri: leg.uri,
    invited_at: s.printTime(leg.invitedAt),
    ringing_at: s.printTime(leg.ringingAt),
    answered_at: s.printTime(leg.answeredAt),
    ended_at: s.printTime(leg.endedAt),
    sip_status: leg.sipStatus,
    media: leg.media && viewMedia(leg.media),
  }
}

/** Null: the engine does not tell. */
function viewMedia({ quality, ...media }: MediaStats): NonNullable<z.input<typeof Leg>['media']> {
  return {
    packets_received: media.packetsReceived,
    packets_lost: media.packetsLost,
    octets_received: media.octetsReceived,
    jitter_ms: media.jitterMs,
    packets_out_of_order: quality?.packetsOutOfOrder ?? null,
    packets_duplicate: quality?.packetsDuplicate ?? null,
    jitter_max_ms: quality?.jitterMaxMs ?? null,
    round_trip_ms: quality?.roundTripMs ?? null,
    reported_lost: quality?.reportedLost ?? null,
    mos_min: quality?.mosMin ?? null,
    mos_mean: quality?.mosMean ?? null,
    fault: quality?.fault ?? null,
    fault_ms: quality?.faultMs ?? null,
  }
}
