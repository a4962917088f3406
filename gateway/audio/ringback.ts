import type { AudioTools, Prompt } from '../../media/audio-tools.ts'
import type { Sdp } from '../../media/media-server.ts'
import type { Call } from '../live-call.ts'
import { OwnRingback } from './own-ringback.ts'

/** As networks of North America ring (ITU-T E.180, supplement 2). */
const RINGING_TONE: Prompt = { kind: 'tone', hertz: [440, 480], onMs: 2000, offMs: 4000 }

/** The discard port (RFC 863): nothing is sent there, since the sides are apart. */
const NOWHERE = 9

/**
 * Plays the number's ringback to the caller, as early media of our own, until the call is answered or refused: the caller is answered in
 * a 183 what a target with G.711 would have said, before any is rung, and whoever is rung then is offered only that (RFC 3261 §13.2.1:
 * the first answer a caller has is the one it keeps). A caller who leaves the offer to us, or has no G.711, hears what it would hear
 * anyway. Never rejects.
 */
export async function startRingback(call: Call): Promise<void> {
  const ringback = call.facts?.number?.audio?.ringback
  const { tools } = call.media!
  if (!ringback || !tools || call.caller.offer === null) return
  try {
    const told = await answerAlone(call, tools)
    if (told === null) return
    call.throwIfGone()
    call.caller.ringing(183, 'Session Progress', told)
    call.ringback = ringbackOf(call, tools)
    call.ringback.play()
  } catch (error) {
    call.note('no ringback', (error as Error).message)
  }
}

/** The number's ringback, or the tone where it has none. */
export function ringbackOf(call: Call, tools: AudioTools): OwnRingback {
  const ringback = call.facts?.number?.audio?.ringback
  const prompt: Prompt = ringback?.kind === 'prompt' ? { kind: 'file', name: ringback.name } : RINGING_TONE
  return new OwnRingback(tools, prompt, (reason) => call.note('no ringback', reason))
}

/**
 * What the caller can be told before anybody is rung: what a target with G.711 would have said (its offer, where it left that to us).
 * The sides are apart from then on. Null when there is no G.711 to speak with it.
 */
export async function answerAlone(call: Call, tools: AudioTools): Promise<Sdp | null> {
  const answer = ownAnswer(await call.media!.offerToBuyer(null))
  if (answer === null) return null
  call.isApart = true
  await tools.apart(true).catch(() => {}) // Not every engine can before it has joined the two.
  const told = await call.media!.answerFromBuyer(answer)
  await tools.apart(true)
  return told
}

/** What a phone that has G.711 alone, and key presses if they are offered, answers to an offer of ours; null when there is none. */
export function ownAnswer(offer: Sdp): Sdp | null {
  const media = /^m=audio \d+ RTP\/AVP ([\d ]+)\r?$/m.exec(offer)
  const connection = /^c=[^\r\n]+/m.exec(offer)
  const payloads = media?.[1]?.split(' ') ?? []
  const speech = payloads.find((payload) => payload === '0' || payload === '8')
  if (!connection || speech === undefined) return null
  const keys = payloads.find((payload) =>
    new RegExp(String.raw`^a=rtpmap:${payload} telephone-event/8000\r?$`, 'im').test(offer),
  )
  return [
    'v=0',
    `o=- 0 0 ${connection[0].slice(2)}`,
    's=-',
    connection[0],
    't=0 0',
    `m=audio ${NOWHERE} RTP/AVP ${[speech, ...(keys ? [keys] : [])].join(' ')}`,
    `a=rtpmap:${speech} ${speech === '0' ? 'PCMU' : 'PCMA'}/8000`,
    ...(keys ? [`a=rtpmap:${keys} telephone-event/8000`, `a=fmtp:${keys} 0-15`] : []),
    'a=sendrecv',
    '',
  ].join('\r\n')
}
