import type { Role } from './account.ts'
import type { DialogState } from './cdr.ts'
import type { AccountId, CallId, MonitorId, UserId } from './ids.ts'

/** What somebody who monitors a call does: hears both sides; speaks to the buyer's side alone besides; speaks to both. */
export const MONITOR_MODES = ['listen', 'whisper', 'barge'] as const
export type MonitorMode = (typeof MONITOR_MODES)[number]

/** Whoever asks for a call to be monitored, or for a change of that. */
export interface MonitorAsker {
  readonly accountId: AccountId
  /** Null: a program, with an API key. */
  readonly userId: UserId | null
  readonly role: Role
  /** The address it was asked for from. */
  readonly source: string
}

/** A supervisor who is rung, who hears a call, or who has. */
export interface CallMonitor {
  readonly id: MonitorId
  readonly callId: CallId
  /** Who had the supervisor called. */
  readonly accountId: AccountId
  /** The supervisor's URI, as it was given. */
  readonly to: string
  readonly mode: MonitorMode
  readonly state: 'ringing' | 'joined' | 'ended'
  readonly startedAt: Date
  readonly joinedAt: Date | null
  readonly endedAt: Date | null
  /** Why it is over, in a word. */
  readonly reason: string | null
}

/** One line of the append-only record of who has monitored what. A `changed` is written before the change, `started` before anybody is called. */
export interface MonitorNote {
  readonly monitorId: MonitorId
  readonly callId: CallId
  readonly at: Date
  readonly event: 'started' | 'joined' | 'changed' | 'ended'
  /** From now on. */
  readonly mode: MonitorMode
  readonly to: string
  /** Of the end. */
  readonly reason: string | null
  /** Of the one who has joined: enough for a BYE after a crash. */
  readonly dialog: DialogState | null
  /** Null: nobody asked for it. */
  readonly by: MonitorAsker | null
}

/** What has been started and, as far as is known, not ended: its last mode, and whom a BYE is owed to. */
export type OpenMonitoring = Pick<MonitorNote, 'monitorId' | 'callId' | 'mode' | 'to' | 'dialog'>

/** Why a call is not monitored, or not as asked. */
export type MonitorRefusal =
  'call_not_up' | 'cannot_monitor' | 'too_many_monitors' | 'monitor_over' | 'media_unavailable'

export class MonitorRefused extends Error {
  override readonly name = 'MonitorRefused'
  readonly code: MonitorRefusal

  constructor(code: MonitorRefusal, message: string) {
    super(message)
    this.code = code
  }
}

/** `to` names nobody who may be called, or who can be. */
export class BadSupervisor extends Error {
  override readonly name = 'BadSupervisor'
  readonly code: 'invalid_uri' | 'not_found' | 'not_allowed' | 'not_registered'

  constructor(code: BadSupervisor['code'], message: string) {
    super(message)
    this.code = code
  }
}
