import type { CallEnd, Progress } from './leg.ts'
import type { CallOptions, Outcome, OutgoingCall } from './outgoing-call.ts'
import type { RtpEngine, RtpStats } from './rtp-engine.ts'
import { buildSdp, readAudioAddress } from './sdp.ts'
import type { UserAgent } from './user-agent.ts'

/** What a scripted caller does. With none of it, it waits to be hung up on. */
export interface CallerBehaviour {
  /** From the INVITE; not when it has been answered by then. */
  readonly cancelAfterMs?: number
  /** CANCEL as soon as it rings. */
  readonly cancelOnRinging?: boolean
  /** From the answer to our BYE. */
  readonly hangUpAfterMs?: number
  /** Speak, and listen (early media too). Without it the SDP names the discard port. */
  readonly media?: RtpEngine
  /** Called with the call when its INVITE has gone. */
  readonly onPlaced?: (call: OutgoingCall) => void
}

/** A call from its INVITE to its end. Times are from the INVITE, `null` for what never came. */
export interface CallReport {
  readonly callId: string
  readonly outcome: Outcome
  readonly progress: readonly Progress[]
  readonly end: CallEnd
  /** To the first 18x, or the answer when it came first: post-dial delay. */
  readonly pddMs: number | null
  readonly answeredMs: number | null
  /** Answer to end. */
  readonly talkMs: number
  readonly rtp: RtpStats | null
}

/** Places one call, plays the script, and resolves when it is over. */
export async function placeCall(
  ua: UserAgent,
  options: CallOptions,
  behaviour: CallerBehaviour = {},
): Promise<CallReport> {
  const stream = (await behaviour.media?.openStream({ address: ua.address })) ?? null
  const call = ua.call(stream === null ? options : { ...options, sdp: buildSdp(stream) })
  behaviour.onPlaced?.(call)
  const speak = (sdp: string): void => {
    const to = readAudioAddress(sdp)
    if (stream !== null && to !== null) stream.send(to)
  }
  call.on('progress', (progress) => {
    speak(progress.sdp)
    if (behaviour.cancelOnRinging === true) call.cancel()
  })
  const cancelTimer = startTimer(behaviour.cancelAfterMs, () => call.cancel())
  const outcome = await call.outcome
  clearTimeout(cancelTimer)
  if (outcome.kind === 'answered') speak(outcome.sdp)
  const hangUpTimer =
    outcome.kind === 'answered' ? startTimer(behaviour.hangUpAfterMs, () => void call.hangUp()) : undefined
  const end = await call.ended
  clearTimeout(hangUpTimer)
  const rtp = (await stream?.close()) ?? null
  return report(call, outcome, end, rtp)
}

function startTimer(delayMs: number | undefined, act: () => void): NodeJS.Timeout | undefined {
  return delayMs === undefined ? undefined : setTimeout(act, delayMs)
}

function report(call: OutgoingCall, outcome: Outcome, end: CallEnd, rtp: RtpStats | null): CallReport {
  const isAnswered = outcome.kind === 'answered'
  const firstMs = call.progress[0]?.atMs ?? (isAnswered ? outcome.atMs : null)
  return {
    callId: call.callId,
    outcome,
    progress: call.progress,
    end,
    pddMs: firstMs === null ? null : firstMs - call.invitedAtMs,
    answeredMs: isAnswered ? outcome.atMs - call.invitedAtMs : null,
    talkMs: isAnswered ? end.atMs - outcome.atMs : 0,
    rtp,
  }
}
