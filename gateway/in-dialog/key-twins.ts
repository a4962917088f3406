/** How a side has told of a key: in its audio (RFC 4733), or by SIP INFO. */
export type KeyTold = 'rtp' | 'info'

/** One key told both ways is told within so long, ms: a phone may say it by INFO when it is up again, and INFO may have to be sent again. */
export const TWIN_MS = 2000
/** More keys than this are not pressed in that time. */
const MAX_REMEMBERED = 64

interface Told {
  readonly how: KeyTold
  readonly digit: string
  readonly atMs: number
}

/** Finds the keys of one side that are told both ways, one for one: `55` by INFO and `55` in the audio are two keys and not one, nor four. */
export class KeyTwins {
  #told: Told[] = []

  /** A key is told of now. True: it has been told the other way already. */
  isTwin(how: KeyTold, digit: string, nowMs: number): boolean {
    this.#told = this.#told.filter(({ atMs }) => nowMs - atMs <= TWIN_MS)
    const twin = this.#told.findIndex((one) => one.how !== how && one.digit === digit)
    if (twin >= 0) this.#told.splice(twin, 1)
    else if (this.#told.length < MAX_REMEMBERED) this.#told.push({ how, digit, atMs: nowMs })
    return twin >= 0
  }
}
