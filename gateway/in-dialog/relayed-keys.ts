import type { AudioTools } from '../../media/audio-tools.ts'
import { oppositeOf, type LegSide } from '../../model/call.ts'
import { isDialogGone } from './dialog-gone.ts'
import { infoDigit, writeInfoKey } from './info-digits.ts'
import { KeyTwins } from './key-twins.ts'
import type { Schedule } from '../start/schedule.ts'
import type { LegDialog, SipRequest, SipResponse } from '../srf/srf-types.ts'

/** More keys than this on their way to one side are refused: INFO with 503. */
export const MAX_KEYS_WAITING = 64
/** How long a key told by INFO waits for the same key in its side's audio, ms, which would reach the other side by itself. */
export const TWIN_WAIT_MS = 400

interface Key {
  readonly digit: string
  readonly durationMs: number
}

/** The keys on their way to one side, in order. */
interface Lane {
  waiting: Key[]
  isBusy: boolean
}

/** A key told by INFO that may come in the audio yet. */
interface Held {
  readonly digit: string
  readonly cancel: () => void
}

/** What is known of the keys one side presses. */
interface Keyboard {
  twins: KeyTwins
  held: Held[]
  /** The key that is down in the audio has been told by INFO already. */
  isToldByInfo: boolean
}

interface RelayedKeysParts {
  readonly tools: AudioTools
  readonly dialogOf: (side: LegSide) => LegDialog
  /** Told of a side that knows nothing of its dialog any more. */
  readonly onGone: (side: LegSide, dialog: LegDialog) => void
  /** For the call's trace: never which key. */
  readonly note: (step: string, detail: string) => void
  readonly schedule: Schedule
  readonly nowMs: () => number
}

/**
 * Hands the keys of each side of a call on in the way the other takes them. A key told by SIP INFO is dialled as RFC 4733 events to a
 * side that has agreed to them, by the media engine; else the INFO is relayed as it is. A key pressed as events goes to a side that has
 * not agreed to them as INFO (application/dtmf-relay), and to one that refuses this as tones. A phone that tells its keys both ways
 * dials each once.
 */
export class RelayedKeys {
  readonly #parts: RelayedKeysParts
  readonly #lanes: Record<LegSide, Lane> = { caller: newLane(), buyer: newLane() }
  readonly #keyboards: Record<LegSide, Keyboard> = { caller: newKeyboard(), buyer: newKeyboard() }
  /** Dialogs whose ends will have no INFO with keys. */
  readonly #refusing: LegDialog[] = []
  readonly #noted = new Set<string>()
  #isOver = false

  constructor(parts: RelayedKeysParts) {
    this.#parts = parts
    for (const side of ['caller', 'buyer'] as const)
      parts.tools.onKeys(side, {
        down: (digit) => this.#down(side, digit),
        up: (digit, durationMs) => this.#up(side, { digit, durationMs }),
      })
  }

  /** An INFO of this side. False: it tells of no key, or is to be relayed as it is. */
  take(from: LegSide, req: SipRequest, res: SipResponse): boolean {
    const digit = infoDigit(req)
    if (digit === null || this.#isOver) return false
    const { tools, nowMs, schedule } = this.#parts
    const to = oppositeOf(from)
    const keyboard = this.#keyboards[from]
    const isEvents = tools.keyWay(to) !== 'none'
    if (isEvents && this.#lanes[to].waiting.length + keyboard.held.length >= MAX_KEYS_WAITING) {
      res.send(503, { headers: { 'Retry-After': '1' } })
      return true
    }
    const mayBeTwin = isEvents && tools.watchKeys(from)
    const isTwin = keyboard.twins.isTwin('info', digit, nowMs())
    if (!isEvents && !isTwin) return false
    res.send(200)
    if (isTwin) return true
    const key = { digit, durationMs: 0 }
    this.#noteOnce('keys converted', `the ${from}’s SIP INFO to RFC 4733`)
    if (!mayBeTwin) this.#enqueue(to, key)
    else {
      const cancel = schedule.after(TWIN_WAIT_MS, () => {
        keyboard.held = keyboard.held.filter((one) => one !== held)
        this.#enqueue(to, key)
      })
      const held = { digit, cancel }
      keyboard.held.push(held)
    }
    return true
  }

  /** Somebody else has taken this side's place: what the former one pressed, or was to hear, is over. */
  replaced(side: LegSide): void {
    this.#forget(side)
  }

  end(): void {
    this.#isOver = true
    for (const side of ['caller', 'buyer'] as const) this.#forget(side)
  }

  #forget(side: LegSide): void {
    for (const { cancel } of this.#keyboards[side].held) cancel()
    this.#keyboards[side] = newKeyboard()
    this.#lanes[side].waiting = []
  }

  #down(from: LegSide, digit: string): void {
    const keyboard = this.#keyboards[from]
    keyboard.isToldByInfo = false
    if (!keyboard.twins.isTwin('rtp', digit, this.#parts.nowMs())) return
    const held = keyboard.held.find((one) => one.digit === digit)
    if (held === undefined) {
      keyboard.isToldByInfo = true
      return
    }
    held.cancel() // The audio has it: that is how it goes on.
    keyboard.held = keyboard.held.filter((one) => one !== held)
  }

  #up(from: LegSide, key: Key): void {
    const keyboard = this.#keyboards[from]
    const isTold = keyboard.isToldByInfo
    keyboard.isToldByInfo = false
    const to = oppositeOf(from)
    const way = this.#parts.tools.keyWay(to)
    if (isTold || way === 'passed' || this.#isOver) return
    this.#noteOnce(
      'keys converted',
      `the ${from}’s RFC 4733 to ${way === 'sent' ? 'events of another number' : 'SIP INFO'}`,
    )
    if (this.#lanes[to].waiting.length >= MAX_KEYS_WAITING) this.#lost('too many are on their way')
    else this.#enqueue(to, key)
  }

  #enqueue(to: LegSide, key: Key): void {
    const lane = this.#lanes[to]
    lane.waiting.push(key)
    if (!lane.isBusy) void this.#empty(to, lane)
  }

  /** One after the other, each when the one before has been told. */
  async #empty(to: LegSide, lane: Lane): Promise<void> {
    lane.isBusy = true
    while (lane.waiting.length > 0 && !this.#isOver) {
      if (this.#parts.tools.keyWay(to) === 'none' && !this.#refusing.includes(this.#parts.dialogOf(to)))
        await this.#sayByInfo(to, lane.waiting.shift()!)
      else await this.#dial(to, lane.waiting.splice(0))
    }
    lane.isBusy = false
  }

  async #dial(to: LegSide, keys: readonly Key[]): Promise<void> {
    try {
      await this.#parts.tools.sendDigits(to, keys.map(({ digit }) => digit).join(''))
    } catch (error) {
      if (this.#isOver) return
      if (this.#refusing.includes(this.#parts.dialogOf(to))) return this.#lost((error as Error).message)
      for (const key of keys) await this.#sayByInfo(to, key)
    }
  }

  async #sayByInfo(to: LegSide, key: Key): Promise<void> {
    const dialog = this.#parts.dialogOf(to)
    const status = await dialog.request({ method: 'INFO', ...writeInfoKey(key) }).then(
      (answer) => answer.status,
      () => null,
    )
    if (this.#isOver || (status !== null && status < 300)) return
    if (status === null) return this.#lost('the INFO could not be sent')
    if (isDialogGone(status)) return this.#parts.onGone(to, dialog)
    const isFirst = !this.#refusing.includes(dialog)
    this.#refusing.push(dialog)
    if (!isFirst) return this.#lost(`the ${to} answers INFO with ${status}`)
    this.#noteOnce('keys as tones', `the ${to} takes neither RFC 4733 nor SIP INFO: ${status}`)
    await this.#dial(to, [key])
  }

  #lost(why: string): void {
    this.#noteOnce('key lost', why)
  }

  #noteOnce(step: string, detail: string): void {
    if (this.#noted.has(step + detail)) return
    this.#noted.add(step + detail)
    this.#parts.note(step, detail)
  }
}

function newLane(): Lane {
  return { waiting: [], isBusy: false }
}

function newKeyboard(): Keyboard {
  return { twins: new KeyTwins(), held: [], isToldByInfo: false }
}
