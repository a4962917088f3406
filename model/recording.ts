import type { AccountId, CallId, UserId } from './ids.ts'
import type { Role } from './account.ts'

/**
 * What has become of a recording: it goes on; it is there; it is there up to where the process or the engine was lost; its file has been
 * deleted, by its age or by hand; its file is not where it should be.
 */
export type RecordingState = 'recording' | 'kept' | 'interrupted' | 'erased' | 'lost'

/** A call's recording, as the CDR names it. */
export interface CallRecording {
  readonly callId: CallId
  /** Its file's, without folder and ending. */
  readonly name: string
  readonly startedAt: Date
  readonly durationMs: number
  readonly bytes: number
  readonly state: RecordingState
  /** What ended it, in the engine's word. */
  readonly reason: string | null
  readonly erasedAt: Date | null
}

/** Somebody has listened. */
export interface RecordingAccess {
  readonly callId: CallId
  readonly at: Date
  readonly accountId: AccountId
  /** Null: a program, with an API key. */
  readonly userId: UserId | null
  readonly role: Role
  /** The address it was asked for from. */
  readonly source: string
}
