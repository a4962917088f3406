import { MediaUnavailable, UnacceptableMedia } from '../../media/media-server.ts'
import type { AudioTools } from '../../media/audio-tools.ts'
import { Refusal } from '../../model/refusal.ts'
import { asRefusal, openMedia } from '../audio/call-media.ts'
import { recordOf } from '../cdr.ts'
import type { Call } from '../live-call.ts'
import type { ExchangeParts } from '../parts.ts'
import { answerAlone } from '../audio/ringback.ts'
import { WaitingCaller } from './waiting-caller.ts'

/**
 * Answers the caller before anybody is rung for it, since carriers seldom carry a key that is pressed before (RFC 3261 §13.2.1 gives early
 * media one way for certain). Resolves once its ACK has come: it can be heard and played to. What cannot be served is refused before the
 * answer; whatever ends the call afterwards is a BYE with a Reason.
 */
export async function answerFirst(call: Call, parts: ExchangeParts): Promise<AudioTools> {
  await openMedia(call, [], parts)
  call.throwIfGone()
  const media = call.media!
  const { tools } = media
  try {
    if (tools === null) throw new MediaUnavailable('the media engine hears no keys')
    call.caller.onEarlyOffer((offer) => media.renew('caller', offer))
    const answer = await answerAlone(call, tools)
    if (answer === null) throw new UnacceptableMedia('the menu is spoken in G.711', 305)
    await writeAsked(call, parts)
    call.throwIfGone()
    if (call.isMediaLost) throw new MediaUnavailable('the media engine has lost the call')
    if (!(await call.caller.accept(answer))) throw new Refusal('cancelled', 'the caller gave up as it was answered')
    call.waiting = new WaitingCaller({
      leg: call.caller,
      media,
      isTaken: () => call.isTaken,
      onLeft: (why) => call.abandon(why),
    })
    call.note('answered to be asked', call.engine!.name)
    // The server ends a dialog without ACK; one that we have lost tells us of neither.
    const late = setTimeout(() => call.abandon('ack_timeout'), parts.limits.maxMenuMs)
    await Promise.race([call.waiting.acknowledged, aborted(call.gone)])
    clearTimeout(late)
    call.throwIfGone()
    return tools
  } catch (error) {
    call.throwIfGone()
    throw asRefusal(error as Error)
  }
}

/** With the dialog that will be, so that a restart can hang up. */
async function writeAsked(call: Call, { writer }: ExchangeParts): Promise<void> {
  try {
    await writer.write({ kind: 'asked', call: recordOf(call), callerDialog: call.caller.state() })
  } catch (error) {
    throw new Refusal('storage_unavailable', `the call could not be written down: ${(error as Error).message}`)
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
