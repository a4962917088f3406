import type { MonitorMode } from '../model/call-monitor.ts'

/** The audio of one who monitors a call. Descriptions are SDP. They are called with our `offer`, and hear the call once they have `answered`. */
export interface Monitor {
  readonly offer: string
  readonly mode: MonitorMode
  /** Their answer to it. Throws UnacceptableMedia when it leaves no codec in common. */
  answered(answer: string): Promise<void>
  /** An offer of theirs, in a re-INVITE → our answer. */
  renew(offer: string): Promise<string>
  /** From now on, in the middle of the call. Rejects with MediaUnavailable when the monitoring is over. */
  setMode(mode: MonitorMode): Promise<void>
  /** Resolves once it is over, whoever ended it, with why: `closed`, `call_ended`, or what the engine says. Never rejects. */
  readonly ended: Promise<string>
  /** Nobody of the call notices. Idempotent. */
  close(): Promise<void>
}
