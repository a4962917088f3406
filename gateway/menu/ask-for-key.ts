import type { AudioTools } from '../../media/audio-tools.ts'
import type { LegSide } from '../../model/call.ts'

interface KeyQuestion {
  readonly tools: AudioTools
  readonly side: LegSide
  /** Keys that are waited for; absent: one. */
  readonly max?: number
  /** Plays what asks for the key, until the signal is aborted. */
  readonly play: (signal: AbortSignal) => Promise<void>
  /** How long the key may take, from the end of what is played. */
  readonly seconds: number
  /** Nobody need answer any more. */
  readonly over: AbortSignal
}

/** No prompt is longer, and a key may be pressed from its first word on. */
const LONGEST_PROMPT_MS = 11 * 60_000

/** The key that is pressed (RFC 4733, SIP INFO); '' when none is. Whoever presses it has heard enough. Rejects as `play` does. */
export async function askForKey({ tools, side, max = 1, play, seconds, over }: KeyQuestion): Promise<string> {
  const pressed = new AbortController()
  const late = new AbortController()
  const collecting = tools.collectDigits(side, {
    max,
    firstMs: LONGEST_PROMPT_MS,
    betweenMs: LONGEST_PROMPT_MS,
    signal: AbortSignal.any([over, late.signal]),
  })
  void collecting.then(
    () => pressed.abort(),
    () => pressed.abort(),
  )
  let timer: NodeJS.Timeout | undefined
  try {
    await play(AbortSignal.any([over, pressed.signal]))
    timer = setTimeout(() => late.abort(), seconds * 1000)
    return (await collecting).digits
  } finally {
    clearTimeout(timer)
    late.abort()
  }
}
