import type { RecordingAction, RecordingDecision } from '../../compliance/recording-law.ts'
import type { Prompt } from '../../media/audio-tools.ts'
import type { Award } from '../../model/auction.ts'
import type { CheckRecord } from '../../model/cdr.ts'
import { numberOfUri } from '../../model/phone-number.ts'
import { rungTarget } from '../bidders/rung-target.ts'
import type { Call } from '../live-call.ts'
import type { ExchangeParts } from '../parts.ts'

/** 1400 Hz, the pitch that recorders have told of themselves by (47 CFR 64.501 as it was). */
export const BEEP: Prompt = { kind: 'tone', hertz: [1400], onMs: 200, offMs: 50 }

/** How a call is recorded, as the law of both ends has it. */
export interface LawfulRecording {
  readonly decision: RecordingDecision
  /** Whether anything is recorded, and whose side alone. */
  readonly isRecorded: boolean
  readonly only: 'buyer' | null
  /** What both sides hear before it; null: nothing. */
  readonly notice: Prompt | null
  /** How often it beeps while it goes on; null: it does not. */
  readonly beepEveryMs: number | null
}

/** What the law makes of a recording that is wanted. `announcement`: the number's own, which is heard whatever the law says. */
export function lawfulRecording(
  call: Call,
  award: Award,
  announcement: string | null,
  parts: Pick<ExchangeParts, 'policies' | 'places' | 'directory'>,
): LawfulRecording | null {
  const { recording } = parts.policies
  if (!recording) return null
  const decision = recording.law.judge(statesOfCaller(call), statesOfBuyer(call, award, parts, recording.buyerState))
  const prompt = announcement ?? (decision.action === 'announce' ? recording.announcement : null)
  const beeps = decision.action === 'beep' || (decision.action === 'announce' && prompt === null)
  return {
    decision,
    isRecorded: decision.action !== 'no_record',
    only: decision.action === 'buyer_leg' ? 'buyer' : null,
    notice:
      decision.action === 'no_record' ? null : prompt !== null ? { kind: 'file', name: prompt } : beeps ? BEEP : null,
    beepEveryMs: beeps ? recording.beepEveryMs : null,
  }
}

/** What the record says of it, and when both had heard of it; `heardAt` null: not to its end, so that nothing is recorded. */
export function recordingCheck({ decision, notice, only }: LawfulRecording, heardAt: Date | null): CheckRecord {
  const { action, rule, source, version, detail } = decision
  const done = doneAbout(action, notice, only, heardAt)
  return {
    check: 'recording-law',
    effect: action === 'no_record' || (notice !== null && heardAt === null) ? 'advisory' : 'allow',
    rule,
    source,
    version,
    detail: `${detail}; ${done}`,
  }
}

function doneAbout(action: RecordingAction, notice: Prompt | null, only: 'buyer' | null, heardAt: Date | null): string {
  if (action === 'no_record') return 'not recorded'
  const what = only === null ? 'recorded' : 'the buyer’s side alone recorded'
  if (notice === null) return `${what} without a word`
  const how = notice.kind === 'file' ? `announced (${notice.name})` : 'beeped'
  return heardAt === null ? `not recorded: not ${how} to the end` : `${how} at ${heardAt.toISOString()}, then ${what}`
}

/** The state of the ZIP that is known; else all the number may be of. */
function statesOfCaller({ facts }: Call): readonly string[] {
  const { zip, places } = facts!
  return zip ? [zip.state, ...places.map(({ state }) => state)] : places.map(({ state }) => state)
}

/** A telephone number says where its agents are; a SIP address does not, unless the operator does. */
function statesOfBuyer(
  call: Call,
  award: Award,
  parts: Pick<ExchangeParts, 'places' | 'directory'>,
  ofAgents: string | null,
): readonly string[] {
  const target = rungTarget(call, award, parts)
  const number = target?.uri.startsWith('+') || target?.uri.startsWith('tel:') ? numberOfUri(asUri(target.uri)) : null
  if (number !== null) return parts.places.ofNumber(number).map(({ state }) => state)
  return ofAgents === null ? [] : [ofAgents]
}

function asUri(uri: string): string {
  return uri.startsWith('+') ? `tel:${uri}` : uri
}
