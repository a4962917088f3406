import type { IncomingCall } from './incoming-call.ts'
import type { RtpEngine, RtpStats, RtpStream } from './rtp-engine.ts'
import { buildSdp, readAudioAddress } from './sdp.ts'

/** How a scripted buyer takes a call: `ua.on('call', answers({ … }))`. */
export type Answerer = (call: IncomingCall) => void

export interface AnswerOptions {
  /** From the INVITE to 180; `null`: no 180 at all. Default 0. */
  readonly ringAfterMs?: number | null
  /** From the INVITE to 200. Default 0. */
  readonly answerAfterMs?: number
  /** From the answer to our BYE; left out: we wait for theirs. */
  readonly hangUpAfterMs?: number
  /** Speak, and listen. Without it the SDP names the discard port. */
  readonly media?: RtpEngine
  /** Called when an answered call with `media` is over. */
  readonly onAudio?: (stats: RtpStats, call: IncomingCall) => void
}

/** Runs `act` after a while, unless the call is over by then. */
function after(call: IncomingCall, delayMs: number, act: () => void): void {
  const timer = setTimeout(act, delayMs)
  call.once('ended', () => clearTimeout(timer))
}

/** Opens audio for a call, sends to where the caller listens, and closes it with the call. */
async function openAudio(call: IncomingCall, options: AnswerOptions): Promise<RtpStream> {
  const stream = await options.media!.openStream({ address: call.localAddress })
  call.once('ended', () => void closeAudio(call, stream, options))
  // The caller may have gone while the socket was opened.
  if (call.isEnded) await closeAudio(call, stream, options)
  return stream
}

async function closeAudio(call: IncomingCall, stream: RtpStream, options: AnswerOptions): Promise<void> {
  const stats = await stream.close()
  options.onAudio?.(stats, call)
}

function speak(call: IncomingCall, stream: RtpStream): void {
  const to = readAudioAddress(call.remoteSdp)
  if (to !== null) stream.send(to)
}

/** Rings, answers, and hangs up or waits to be hung up on. */
export function answers(options: AnswerOptions = {}): Answerer {
  return (call) => {
    const { ringAfterMs = 0, answerAfterMs = 0, hangUpAfterMs, media } = options
    if (ringAfterMs !== null && ringAfterMs < Math.max(answerAfterMs, 1)) after(call, ringAfterMs, () => call.ring())
    const answer = (stream: RtpStream | null): void => {
      call.accept(stream === null ? undefined : buildSdp(stream))
      if (stream !== null) speak(call, stream)
      if (hangUpAfterMs !== undefined) after(call, hangUpAfterMs, () => void call.hangUp())
    }
    after(call, answerAfterMs, () => {
      if (media === undefined) answer(null)
      else void openAudio(call, options).then(answer, () => call.reject(500))
    })
  }
}

/** Sends audio with a 183 before it answers: ringback or an announcement of the buyer's own. */
export function answersAfterEarlyMedia(
  options: AnswerOptions & { readonly media: RtpEngine; readonly earlyAfterMs?: number },
): Answerer {
  return (call) => {
    const speakEarly = (stream: RtpStream): void => {
      call.earlyMedia(buildSdp(stream))
      speak(call, stream)
      after(call, options.answerAfterMs ?? 0, () => {
        call.accept()
        if (options.hangUpAfterMs !== undefined) after(call, options.hangUpAfterMs, () => void call.hangUp())
      })
    }
    after(call, options.earlyAfterMs ?? 0, () => {
      void openAudio(call, options).then(speakEarly, () => call.reject(500))
    })
  }
}

/** 486, at once or after ringing a while. */
export function busy(options: { readonly ringForMs?: number } = {}): Answerer {
  return rejects(486, options)
}

/** Any refusal, at once or after ringing a while. */
export function rejects(
  status: number,
  options: { readonly ringForMs?: number; readonly headers?: Readonly<Record<string, string>> } = {},
): Answerer {
  return (call) => {
    const reject = (): void => call.reject(status, undefined, options.headers)
    if (options.ringForMs === undefined) return reject()
    call.ring()
    after(call, options.ringForMs, reject)
  }
}

/** Rings until the other side gives up. */
export function neverAnswers(): Answerer {
  return (call) => call.ring()
}

/** Says 100 and nothing more. */
export function silent(): Answerer {
  return () => undefined
}

/** One behaviour for each call in turn, the last for all that follow. */
export function inTurn(...answerers: [Answerer, ...Answerer[]]): Answerer {
  let calls = 0
  return (call) => answerers[Math.min(calls++, answerers.length - 1)]!(call)
}
