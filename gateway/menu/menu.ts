import type { AudioTools } from '../../media/audio-tools.ts'
import type { MenuOption, NumberMenu } from '../../model/number-menu.ts'
import { Refusal } from '../../model/refusal.ts'
import { answerFirst } from './answer-first.ts'
import { askForKey } from './ask-for-key.ts'
import { askZip } from './ask-zip.ts'
import { asRefusal } from '../audio/call-media.ts'
import type { Call } from '../live-call.ts'
import type { ExchangeParts } from '../parts.ts'
import { ringbackOf } from '../audio/ringback.ts'
import { screenAgain } from '../screening/screen-again.ts'

/** How asking a caller came out. */
type Choice = { readonly option: MenuOption } | 'no_key' | 'wrong_key' | 'too_long' | 'unplayable'

/** A phone that tells of a key by RTP and by INFO has not pressed it twice. */
const SAME_PRESS_MS = 1000

/**
 * Answers the caller, asks it what the number's menu asks, and has the call sold as what it has chosen. Throws a Refusal when the call will
 * not be sold: it has hung up, chosen nothing where that ends the call, or cannot be asked now.
 */
export async function askCaller(call: Call, menu: NumberMenu, parts: ExchangeParts): Promise<void> {
  if (!parts.menuPlaces.take()) throw new Refusal('menu_limit', 'as many callers as may be are in menus')
  try {
    const tools = await answerFirst(call, parts)
    const choice = await choose(call, menu, tools, parts)
    call.throwIfGone()
    const result = typeof choice === 'string' ? choice : 'chosen'
    parts.telemetry.menus.inc({ result })
    if (typeof choice !== 'string') take(call, choice.option)
    else if (menu.otherwise === 'hang_up') throw new Refusal('no_choice', `nothing was chosen: ${result}`)
    if (call.screenedBy?.placeIsAsked) {
      if (typeof choice !== 'string') await askZip(call, menu, tools, parts)
      await screenAgain(call, parts)
    }
    call.setupFromMonotonicMs = parts.clock.monotonicMs()
    call.ringback = ringbackOf(call, tools)
  } finally {
    parts.menuPlaces.giveBack()
  }
}

/** As often as the menu says, and no longer than the exchange lets anybody be asked. */
async function choose(
  call: Call,
  menu: NumberMenu,
  tools: AudioTools,
  { clock, limits, log }: ExchangeParts,
): Promise<Choice> {
  const tooLong = new AbortController()
  const timer = setTimeout(() => tooLong.abort(), limits.maxMenuMs)
  const over = AbortSignal.any([call.gone, tooLong.signal])
  const startedMs = clock.monotonicMs()
  let last: 'no_key' | 'wrong_key' = 'no_key'
  let wrong = { key: '', atMs: 0 }
  try {
    for (let attempt = 1; attempt <= menu.attempts; attempt++) {
      const key = await ask(tools, menu, over)
      if (tooLong.signal.aborted) return 'too_long'
      if (call.gone.aborted) return 'no_key'
      if (key !== '' && key === wrong.key && clock.monotonicMs() - wrong.atMs < SAME_PRESS_MS) {
        attempt--
        continue
      }
      const option = menu.options.find(({ digit }) => digit === key)
      const when = `attempt ${attempt}, after ${Math.round(clock.monotonicMs() - startedMs)} ms`
      call.note('menu', option ? `${key}, ${when}` : `${key === '' ? 'no key' : `${key}, no option`}, ${when}`)
      if (option) return { option }
      last = key === '' ? 'no_key' : 'wrong_key'
      wrong = { key, atMs: clock.monotonicMs() }
    }
    return last
  } catch (error) {
    call.throwIfGone()
    if (!(error instanceof Unplayable)) throw asRefusal(error as Error)
    call.note('menu', `not played: ${error.message}`)
    log.warn({ callId: call.id, prompt: menu.prompt, reason: error.message }, 'a menu could not be played')
    return 'unplayable'
  } finally {
    clearTimeout(timer)
  }
}

function ask(tools: AudioTools, { prompt, timeout }: NumberMenu, over: AbortSignal): Promise<string> {
  const play = (signal: AbortSignal): Promise<void> =>
    tools.play('caller', { kind: 'file', name: prompt }, { signal }).catch((error: Error) => {
      throw new Unplayable(error.message)
    })
  return askForKey({ tools, side: 'caller', play, seconds: timeout, over })
}

class Unplayable extends Error {
  override readonly name = 'Unplayable'
}

/** As if the number had said so. */
function take(call: Call, { vertical, tags }: MenuOption): void {
  const facts = call.facts!
  const number = facts.number!
  call.facts = {
    ...facts,
    number: { ...number, vertical: vertical ?? number.vertical, tags: { ...number.tags, ...tags } },
  }
  if (vertical !== null) call.note('chosen', `vertical ${vertical}`)
}
