import type { AudioTools, Prompt } from '../../media/audio-tools.ts'
import type { AcceptKey } from '../../model/call-audio.ts'
import { askForKey } from '../menu/ask-for-key.ts'
import type { BuyerLeg } from '../buyer-leg.ts'
import { holdRequests, releaseRequests } from '../in-dialog/held-requests.ts'
import { infoDigit } from '../in-dialog/info-digits.ts'
import type { SipRequest, SipResponse } from '../srf/srf-types.ts'

/** How an agent who has answered came to take the call, or not. */
export type Taking = 'taken' | 'declined' | 'no_key' | 'gone'

interface Asked {
  readonly leg: BuyerLeg
  readonly tools: AudioTools
  readonly whisper: string | null
  /** Null: who has heard the whisper has taken the call. */
  readonly accept: AcceptKey | null
  /** The caller's giving up. */
  readonly gone: AbortSignal
  /** Told when the whisper cannot be played: the agent is asked all the same. */
  readonly onSilent: (reason: string) => void
}

/** Heard where there is no whisper, or none that can be played: something is to be pressed. */
const BEEP: Prompt = { kind: 'tone', hertz: [1000], onMs: 400, offMs: 200 }

/**
 * Plays the whisper to an agent who has answered, and waits for the key it takes the call with, from the whisper's first word until
 * `accept.seconds` after its last. Any other key declines. The sides are apart meanwhile, and remain so: the caller, who is not
 * answered yet, goes on hearing it ring.
 */
export async function buyerTakes({ leg, tools, whisper, accept, gone, onSilent }: Asked): Promise<Taking> {
  const { dialog } = leg
  const left = new AbortController()
  const onLeft = (): void => left.abort()
  const onInfo = (info: SipRequest, res: SipResponse): void => {
    const digit = infoDigit(info)
    if (digit !== null) tools.digitFrom('buyer', digit)
    res.send(digit === null ? 415 : 200)
  }
  const later = (_req: SipRequest, res: SipResponse): void => res.send(491) // RFC 3261 §14.1: it is sent again.
  const decline = (_req: SipRequest, res: SipResponse): void => res.send(603)
  dialog.once('destroy', onLeft)
  dialog.on('info', onInfo)
  for (const event of RENEGOTIATING) dialog.on(event, later)
  dialog.on('refer', decline)
  releaseRequests(dialog)
  const over = AbortSignal.any([left.signal, gone])
  try {
    if (!dialog.connected) return 'gone'
    await tools.apart(true)
    const answer = await ask(tools, { whisper, accept, over, onSilent })
    return over.aborted ? 'gone' : answer
  } finally {
    dialog.off('destroy', onLeft)
    dialog.off('info', onInfo)
    for (const event of RENEGOTIATING) dialog.off(event, later)
    dialog.off('refer', decline)
    if (dialog.connected) holdRequests(dialog) // Until the bridge listens.
  }
}

/** What a phone may send that would change the audio it is just being asked by. */
const RENEGOTIATING = ['modify', 'update'] as const

interface Question {
  readonly whisper: string | null
  readonly accept: AcceptKey | null
  readonly over: AbortSignal
  readonly onSilent: (reason: string) => void
}

async function ask(tools: AudioTools, { whisper, accept, over, onSilent }: Question): Promise<Taking> {
  const play = async (signal: AbortSignal): Promise<void> => {
    try {
      await tools.play('buyer', whisper === null ? BEEP : { kind: 'file', name: whisper }, { signal })
    } catch (error) {
      onSilent((error as Error).message)
      if (accept !== null) await tools.play('buyer', BEEP, { signal }).catch(() => {})
    }
  }
  if (accept === null) {
    await play(over)
    return 'taken'
  }
  const digit = await askForKey({ tools, side: 'buyer', play, seconds: accept.seconds, over })
  if (digit === '') return 'no_key'
  return digit === accept.digit ? 'taken' : 'declined'
}
