import type { EventEmitter } from 'node:events'

/** What media asks of others; main.ts supplies it. */
export interface MediaNeeds {
  /** Where engines and their threads report what went wrong; never called per packet. */
  log: { warn(details: object, message: string): void; error(details: object, message: string): void }
  /** Calls to an engine that is reached by SIP (FreeSWITCH). */
  sip?: EngineSip
}

export interface EngineSip {
  /** Without a description the engine makes the offer in its 200, and the ACK answers it so that nothing flows yet. */
  invite(uri: string, options: { headers: Record<string, string>; localSdp?: string }): Promise<EngineDialog>
}

/** Our side of the dialog with an engine; `destroy` tells that it is over, whoever ended it. */
export interface EngineDialog extends EventEmitter<{ destroy: [] }> {
  /** Re-INVITEs the engine with this offer and resolves to its answer. */
  modify(sdp: string): Promise<string>
  destroy(): Promise<unknown>
}
