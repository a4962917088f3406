import type { LegSide } from '../../model/call.ts'
import type { RecordingEnd } from '../audio-tools.ts'
import type { RecordingHeader } from '../recording/recording-format.ts'
import type { Law } from './g711.ts'
import type { Sound } from './sounds.ts'

/** Which of a party's payload types the tools understand, and what they send it. */
export interface PartyFormats {
  readonly g711: readonly (readonly [payload: number, law: Law])[]
  /** telephone-event, with the clock of its timestamps and durations. */
  readonly events: readonly (readonly [payload: number, hertz: number])[]
  /** What both sides have agreed to; null: no G.711, so nothing can be played. */
  readonly speech: { readonly payload: number; readonly law: Law } | null
  /** With a clock of 8000 Hz, as G.711 has; null: keys are pressed by their tones. */
  readonly keys: number | null
  /** Its telephone-events that the other side has not agreed to, and is not sent. */
  readonly kept: readonly number[]
}

/** Where a recording goes. */
export interface RecordingPlan {
  readonly file: string
  readonly header: RecordingHeader
  /** Its own key. The thread forgets it with the recording's end. */
  readonly key: Uint8Array
  readonly maxMs: number
  /** Absent: both sides. */
  readonly only?: LegSide
}

/** What a session's tools are asked; `op` names what it begins, or is about. */
export type ToolOrder =
  | {
      readonly do: 'play'
      readonly op: number
      readonly side: LegSide
      readonly sound: Sound
      readonly repeat: boolean
    }
  | { readonly do: 'dial'; readonly op: number; readonly side: LegSide; readonly digits: string }
  | { readonly do: 'stop'; readonly op: number }
  | { readonly do: 'listen'; readonly side: LegSide; readonly on: boolean }
  /** Which key was pressed last, if that was a moment ago. */
  | { readonly do: 'recall'; readonly side: LegSide }
  | { readonly do: 'apart'; readonly op: number; readonly on: boolean }
  | { readonly do: 'record'; readonly op: number; readonly plan: RecordingPlan }
  /** `of`: the recording's op. */
  | { readonly do: 'pause' | 'resume'; readonly op: number; readonly of: number }
  | { readonly do: 'finish'; readonly of: number }

/** What they tell. */
export type ToolEvent =
  /** Played, dialled, stopped; or in force. */
  | { readonly what: 'done'; readonly op: number }
  | { readonly what: 'failed'; readonly op: number; readonly reason: string }
  | { readonly what: 'pressed'; readonly side: LegSide; readonly digit: string }
  | { readonly what: 'recalled'; readonly side: LegSide; readonly digit: string; readonly durationMs: number }
  | { readonly what: 'digit'; readonly side: LegSide; readonly digit: string; readonly durationMs: number }
  | { readonly what: 'recording'; readonly op: number }
  | { readonly what: 'recorded'; readonly op: number; readonly end: RecordingEnd }
