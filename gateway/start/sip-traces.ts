import type { SipServerHandle, SipTrace } from '../sip-server/start.ts'

/** The SIP messages of the latest calls, as the API asks for them. */
export interface SipTraces {
  /** Why none are kept, as a sentence; null when they are. */
  readonly unavailable: string | null
  find(sipCallIds: readonly string[]): Promise<SipTrace>
  /** Writes stars over what the expression matches. */
  mask(pattern: string): Promise<void>
}

/** `server` is null when the SIP server is not ours. */
export function createSipTraces(server: SipServerHandle | null, isEnabled: boolean): SipTraces {
  const unavailable =
    server === null
      ? 'SIP is handled by a drachtio-server, which shows its messages to nobody but a capture server: start it with --homer and its address (HEP).'
      : isEnabled
        ? null
        : 'telephony.trace.enabled is false.'
  return {
    unavailable,
    find: async (sipCallIds) => (await server?.ask('trace', sipCallIds)) ?? { messages: [], leftOut: 0 },
    mask: async (pattern) => void (await server?.ask('maskTraces', pattern)),
  }
}
