import type { LegSide } from '../../model/call.ts'
import type {
  AudioTools,
  DigitRequest,
  Digits,
  KeyListener,
  KeyWay,
  PlayOptions,
  Prompt,
  Recording,
  RecordingEnd,
  RecordOptions,
} from '../audio-tools.ts'
import type { SideKeys } from '../key-ways.ts'
import { MediaUnavailable } from '../media-server.ts'
import type { Recordings } from '../recording/recordings.ts'
import { DigitCollection, type DigitWay } from './digit-collection.ts'
import { areKeys } from './digits.ts'
import type { PromptStore } from './prompt-store.ts'
import type { Sound } from './sounds.ts'
import type { ToolEvent, ToolOrder } from './tool-messages.ts'

/** More keys at once are nobody's dialling. */
export const MAX_DIALLED = 64
/** Collections of digits at once in one session. */
export const MAX_COLLECTIONS = 4

/** What the tools of every session share. */
export interface ToolShed {
  readonly prompts: PromptStore
  /** Null: no key is set, so nothing is recorded. */
  readonly recordings: Recordings | null
}

interface Pending {
  resolve(): void
  reject(error: MediaUnavailable): void
  readonly isOfRecording: boolean
}

const NO_KEYS: SideKeys = { way: 'none', presses: false, isKept: false }

/** What is known of one side's keys. */
interface Keyboard {
  agreed: SideKeys
  listener: KeyListener | null
  /** Its listener wants to be told of all. */
  isWatched: boolean
  /** The thread tells of its keys. */
  isHeard: boolean
}

interface OpenRecording {
  readonly file: string
  readonly sinceMs: number
  readonly end: (end: RecordingEnd) => void
}

/** A relayed session's prompts, digits and recording: what is asked here is done in the session's thread. */
export class RelayTools implements AudioTools {
  readonly #shed: ToolShed
  readonly #order: (order: ToolOrder) => void
  readonly #pending = new Map<number, Pending>()
  readonly #recordings = new Map<number, OpenRecording>()
  readonly #collections = new Set<{ readonly side: LegSide; readonly collection: DigitCollection }>()
  readonly #keyboards: Record<LegSide, Keyboard> = { caller: newKeyboard(), buyer: newKeyboard() }
  #lastOp = 0
  #endedBy: string | null = null
  #onIdle: (() => void) | null = null

  constructor(shed: ToolShed, order: (order: ToolOrder) => void) {
    this.#shed = shed
    this.#order = order
  }

  async play(side: LegSide, prompt: Prompt, { repeat = false, signal }: PlayOptions = {}): Promise<void> {
    this.#assertOpen()
    const sound = await this.#sound(prompt)
    if (signal?.aborted) return
    const op = ++this.#lastOp
    const stop = (): void => this.#order({ do: 'stop', op })
    signal?.addEventListener('abort', stop, { once: true })
    try {
      await this.#ask({ do: 'play', op, side, sound, repeat })
    } finally {
      signal?.removeEventListener('abort', stop)
    }
  }

  async collectDigits(side: LegSide, request: DigitRequest): Promise<Digits> {
    this.#assertOpen()
    if (this.#collections.size >= MAX_COLLECTIONS)
      throw new MediaUnavailable(`digits are being waited for ${MAX_COLLECTIONS} times already in this call`)
    if (request.signal?.aborted) return { digits: '', endedBy: 'aborted' }
    const entry = { side, collection: new DigitCollection(request, () => this.#collected(entry)) }
    this.#collections.add(entry)
    this.#listen(side)
    const digits = await entry.collection.result
    if (this.#endedBy !== null && digits.endedBy === 'aborted' && !request.signal?.aborted) this.#assertOpen()
    return digits
  }

  digitFrom(side: LegSide, digit: string): void {
    this.#digit(side, digit, 'info')
  }

  keyWay(side: LegSide): KeyWay {
    return this.#endedBy === null ? this.#keyboards[side].agreed.way : 'none'
  }

  onKeys(side: LegSide, listener: KeyListener): void {
    this.#keyboards[side].listener = listener
    this.#listen(side)
  }

  watchKeys(side: LegSide): boolean {
    const keyboard = this.#keyboards[side]
    const isHeard = keyboard.isWatched || this.#isToTell(keyboard)
    keyboard.isWatched = true
    this.#listen(side)
    if (!isHeard && this.#endedBy === null) this.#order({ do: 'recall', side })
    return keyboard.agreed.presses
  }

  /** What the sides have agreed to. */
  agreed(keys: Readonly<Record<LegSide, SideKeys>>): void {
    for (const side of ['caller', 'buyer'] as const) {
      this.#keyboards[side].agreed = keys[side]
      this.#listen(side)
    }
  }

  async sendDigits(side: LegSide, digits: string): Promise<void> {
    this.#assertOpen()
    if (!areKeys(digits))
      throw new RangeError(`digits ${JSON.stringify(digits)}: only 0-9, *, # and A-D can be dialled`)
    if (digits.length > MAX_DIALLED)
      throw new RangeError(`${digits.length} digits: at most ${MAX_DIALLED} are dialled at once`)
    await this.#ask({ do: 'dial', op: ++this.#lastOp, side, digits })
  }

  async record({ name, maxMs, only }: RecordOptions): Promise<Recording> {
    this.#assertOpen()
    const { recordings } = this.#shed
    if (recordings === null) throw new MediaUnavailable('nothing is recorded: no media.recording_key is set')
    const begun = await recordings.begin(name, new Date())
    this.#assertOpen()
    const op = ++this.#lastOp
    const { promise: ended, resolve } = Promise.withResolvers<RecordingEnd>()
    this.#recordings.set(op, { file: begun.file, sinceMs: performance.now(), end: resolve })
    try {
      await this.#ask({ do: 'record', op, plan: { ...begun, maxMs, ...(only && { only }) } })
    } catch (error) {
      this.#recordings.delete(op)
      throw error
    }
    const set = async (what: 'pause' | 'resume'): Promise<void> => {
      if (this.#recordings.has(op)) await this.#ask({ do: what, op: ++this.#lastOp, of: op })
    }
    return {
      name,
      ended,
      pause: () => set('pause'),
      resume: () => set('resume'),
      stop: () => {
        this.#order({ do: 'finish', of: op })
        return ended
      },
    }
  }

  async apart(on: boolean): Promise<void> {
    await this.#ask({ do: 'apart', op: ++this.#lastOp, on })
  }

  /** What the thread tells. */
  told(event: ToolEvent): void {
    switch (event.what) {
      case 'pressed':
        return this.#listenerOf(event.side)?.down(event.digit)
      case 'digit':
        this.#listenerOf(event.side)?.up(event.digit, event.durationMs)
        return this.#digit(event.side, event.digit, 'rtp')
      case 'recalled': {
        const listener = this.#listenerOf(event.side)
        listener?.down(event.digit)
        return listener?.up(event.digit, event.durationMs)
      }
      case 'done':
      case 'recording':
        return this.#settle(event.op)?.resolve()
      case 'failed':
        return this.#settle(event.op)?.reject(new MediaUnavailable(event.reason))
      case 'recorded': {
        // It may have ended before it began: the disk had no room for its header.
        this.#settle(event.op)?.reject(new MediaUnavailable(`the recording did not begin: ${event.end.reason}`))
        this.#recordings.get(event.op)?.end(event.end)
        this.#recordings.delete(event.op)
        return this.#tellIdle()
      }
    }
  }

  /** The session is over: nothing more is played or heard. A recording is still written to its end. */
  end(reason: string): void {
    if (this.#endedBy !== null) return
    this.#endedBy = reason
    for (const { collection } of this.#collections) collection.end('aborted')
    for (const [op, pending] of this.#pending)
      if (!this.#recordings.has(op)) {
        this.#pending.delete(op)
        pending.reject(new MediaUnavailable(reason))
      }
  }

  /** The thread is gone: of a recording there is what had been written, and nobody will write its end. */
  lost(reason: string): void {
    this.end(reason)
    this.recordingsLost(reason)
  }

  /** What writes recordings is gone; all else goes on. */
  recordingsLost(reason: string): void {
    for (const [op, pending] of this.#pending)
      if (pending.isOfRecording) {
        this.#pending.delete(op)
        pending.reject(new MediaUnavailable(reason))
      }
    for (const { file, sinceMs, end } of this.#recordings.values())
      end({ file, durationMs: Math.round(performance.now() - sinceMs), bytes: 0, reason: 'engine_lost' })
    this.#recordings.clear()
    this.#tellIdle()
  }

  /** Calls once when no recording is under way any more, at once if none is. */
  whenIdle(told: () => void): void {
    this.#onIdle = told
    this.#tellIdle()
  }

  #tellIdle(): void {
    if (this.#recordings.size > 0) return
    this.#onIdle?.()
    this.#onIdle = null
  }

  #sound(prompt: Prompt): Promise<Sound> | Sound {
    if (prompt.kind !== 'file') return prompt
    return this.#shed.prompts.read(prompt.name).then((samples) => ({ kind: 'samples', samples, name: prompt.name }))
  }

  /** Resolves with `done`. */
  async #ask(order: Extract<ToolOrder, { op: number; do: Exclude<ToolOrder['do'], 'stop'> }>): Promise<void> {
    this.#assertOpen()
    return new Promise((resolve, reject) => {
      const isOfRecording = order.do !== 'play' && order.do !== 'dial' && order.do !== 'apart'
      this.#pending.set(order.op, { resolve, reject, isOfRecording })
      this.#order(order)
    })
  }

  #settle(op: number): Pending | undefined {
    const pending = this.#pending.get(op)
    this.#pending.delete(op)
    return pending
  }

  #digit(side: LegSide, digit: string, way: DigitWay): void {
    for (const entry of this.#collections) if (entry.side === side) entry.collection.digit(digit, way)
  }

  #isToTell({ agreed, listener, isWatched }: Keyboard): boolean {
    return listener !== null && (isWatched || agreed.isKept)
  }

  #listenerOf(side: LegSide): KeyListener | null {
    const keyboard = this.#keyboards[side]
    return this.#isToTell(keyboard) && this.#endedBy === null ? keyboard.listener : null
  }

  /** Has the thread tell of this side's keys, or not any more. */
  #listen(side: LegSide): void {
    const keyboard = this.#keyboards[side]
    const isNeeded = this.#isToTell(keyboard) || [...this.#collections].some((entry) => entry.side === side)
    if (isNeeded === keyboard.isHeard || this.#endedBy !== null) return
    keyboard.isHeard = isNeeded
    this.#order({ do: 'listen', side, on: isNeeded })
  }

  #collected(entry: { readonly side: LegSide; readonly collection: DigitCollection }): void {
    if (!this.#collections.delete(entry)) return
    this.#listen(entry.side)
  }

  #assertOpen(): void {
    if (this.#endedBy !== null) throw new MediaUnavailable(this.#endedBy)
  }
}

function newKeyboard(): Keyboard {
  return { agreed: NO_KEYS, listener: null, isWatched: false, isHeard: false }
}
