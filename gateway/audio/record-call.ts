import type { Call } from '../live-call.ts'
import type { AudioTools } from '../../media/audio-tools.ts'
import type { ExchangeParts } from '../parts.ts'
import { BEEP, type LawfulRecording } from './recording-notice.ts'

/**
 * Records an answered call under its id, until its end. A call whose audio cannot be recorded, or whose recording ends before it does,
 * goes on; the log says why.
 */
export async function recordCall(
  call: Call,
  { only = null, beepEveryMs = null }: Partial<Pick<LawfulRecording, 'only' | 'beepEveryMs'>>,
  { limits, log, recordings }: Pick<ExchangeParts, 'limits' | 'log' | 'recordings'>,
): Promise<void> {
  const tools = call.media?.tools
  try {
    if (!tools) throw new Error('the media engine records nothing')
    const recording = await tools.record({ name: call.id, maxMs: limits.maxCallDurationMs, ...(only && { only }) })
    call.recording = recording
    const beeping = beepEveryMs === null ? null : setInterval(() => beep(tools), beepEveryMs)
    void recording.ended.then(() => beeping && clearInterval(beeping))
    await recordings.begun(call.id)
    const end = await recording.ended
    call.recording = null
    await recordings.ended(call.id, end)
    const { reason, file } = end
    if (reason !== 'call_ended') log.warn({ callId: call.id, file, reason }, 'a recording ended before its call')
  } catch (error) {
    call.note('not recorded', (error as Error).message)
    log.warn({ callId: call.id, reason: (error as Error).message }, 'a call is not recorded')
  }
}

/** Both hear that they are being recorded; a side that is being played something else hears that. */
function beep(tools: AudioTools): void {
  for (const side of ['caller', 'buyer'] as const) void tools.play(side, BEEP).catch(() => {})
}
