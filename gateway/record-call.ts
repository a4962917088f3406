import type { Call } from './live-call.ts'
import type { ExchangeParts } from './parts.ts'

/**
 * Records an answered call under its id, from the buyer's answer to its end. A call whose audio cannot be recorded, or whose recording
 * ends before it does, goes on; the log says why.
 */
export async function recordCall(call: Call, parts: Pick<ExchangeParts, 'limits' | 'log'>): Promise<void> {
  const tools = call.media?.tools
  try {
    if (!tools) throw new Error('the media engine records nothing')
    const recording = await tools.record({ name: call.id, maxMs: parts.limits.maxCallDurationMs })
    const { reason, file } = await recording.ended
    if (reason !== 'call_ended') parts.log.warn({ callId: call.id, file, reason }, 'a recording ended before its call')
  } catch (error) {
    parts.log.warn({ callId: call.id, reason: (error as Error).message }, 'a call is not recorded')
  }
}
