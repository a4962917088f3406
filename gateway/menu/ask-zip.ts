import type { AudioTools } from '../../media/audio-tools.ts'
import type { NumberMenu } from '../../model/number-menu.ts'
import type { Call } from '../live-call.ts'
import type { ExchangeParts } from '../parts.ts'
import { askForKey } from './ask-for-key.ts'

const DIGITS = 5
/** Five keys take longer than one: at least so many seconds from the end of the prompt. */
const LEAST_SECONDS = 10

/**
 * Asks the caller for its ZIP code, as often as the menu asks, and takes the first that there is. Without one the call goes on: its number
 * says where it may be.
 */
export async function askZip(call: Call, menu: NumberMenu, tools: AudioTools, parts: ExchangeParts): Promise<void> {
  const name = menu.zipPrompt!
  const tooLong = new AbortController()
  const timer = setTimeout(() => tooLong.abort(), parts.limits.maxMenuMs)
  const over = AbortSignal.any([call.gone, tooLong.signal])
  const play = (signal: AbortSignal): Promise<void> => tools.play('caller', { kind: 'file', name }, { signal })
  const seconds = Math.max(menu.timeout, LEAST_SECONDS)
  try {
    for (let attempt = 1; attempt <= menu.attempts && !over.aborted; attempt++) {
      const digits = await askForKey({ tools, side: 'caller', max: DIGITS, play, seconds, over })
      const zip = parts.places.ofZip(digits)
      // No more of what it said than the record has anyway.
      call.note('menu', zip ? `ZIP ${zip.zip}, attempt ${attempt}` : `no ZIP code, attempt ${attempt}`)
      if (!zip) continue
      call.facts = { ...call.facts!, zip, isZipTyped: true }
      return
    }
  } catch (error) {
    call.throwIfGone()
    call.note('menu', `not played: ${(error as Error).message}`)
    parts.log.warn({ callId: call.id, prompt: name, reason: (error as Error).message }, 'a menu could not be played')
  } finally {
    clearTimeout(timer)
  }
  call.throwIfGone()
}
