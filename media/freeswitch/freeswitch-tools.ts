import { setTimeout as sleep } from 'node:timers/promises'
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
  RecordOptions,
} from '../audio-tools.ts'
import type { SideKeys } from '../key-ways.ts'
import { MediaUnavailable } from '../media-server.ts'
import { tonesOf } from '../relay/digits.ts'
import { DigitCollector } from './digit-collector.ts'
import { safeFileName, safeWord, UnsafeText } from './event-socket-text.ts'
import { FreeSwitchRecording } from './freeswitch-recording.ts'
import type { Joint } from './joint.ts'
import type { FreeSwitchLeg } from './leg.ts'

/** How long each key is pressed, and the pause after it as FreeSWITCH makes it. */
const KEY_MS = 100
const KEY_GAP_MS = 60

/** A key that was pressed this long ago is told of to who asks, ms. */
const RECALLED_MS = 2000

/** Who is told of one side's keys, and the last of them. */
interface Keyboard {
  listener: KeyListener | null
  isWatched: boolean
  last: { readonly digit: string; readonly durationMs: number; readonly atMs: number } | null
}

/** What the tools need of their session. */
interface ToolsParts {
  readonly promptsDir: string
  readonly recordingsDir: string
  /** The channel of a side; throws MediaUnavailable when there is none. */
  leg(side: LegSide): FreeSwitchLeg
  /** Who hears whom. */
  readonly joint: Joint
  /** Null: not both have said what they take. */
  keys(): Readonly<Record<LegSide, SideKeys>> | null
}

/** Prompts, digits and recording by FreeSWITCH itself. Its files are on its machine. */
export class FreeSwitchTools implements AudioTools {
  readonly #parts: ToolsParts
  readonly #collectors: Record<LegSide, Set<DigitCollector>> = { caller: new Set(), buyer: new Set() }
  readonly #keyboards: Record<LegSide, Keyboard> = { caller: newKeyboard(), buyer: newKeyboard() }
  /** Running ones: they end with the session. */
  readonly #recordings = new Set<FreeSwitchRecording>()

  constructor(parts: ToolsParts) {
    this.#parts = parts
  }

  async play(side: LegSide, prompt: Prompt, options: PlayOptions = {}): Promise<void> {
    const { repeat = false, signal } = options
    const file = fileOf(prompt, repeat, this.#parts.promptsDir)
    const leg = this.#parts.leg(side)
    if (signal?.aborted === true) return
    const isDone = (): boolean => !repeat || signal?.aborted === true
    await this.#parts.joint.alone(async () => {
      const stop = (): void => void leg.stopPlaying().catch(() => undefined)
      signal?.addEventListener('abort', stop)
      try {
        await leg.play(file)
        while (!isDone()) await leg.play(file)
      } finally {
        signal?.removeEventListener('abort', stop)
      }
    })
  }

  async collectDigits(side: LegSide, request: DigitRequest): Promise<Digits> {
    this.#parts.leg(side)
    const collector = new DigitCollector(request)
    this.#collectors[side].add(collector)
    try {
      return await collector.done
    } finally {
      this.#collectors[side].delete(collector)
    }
  }

  digitFrom(side: LegSide, digit: string): void {
    if (!/^[0-9A-D*#]$/i.test(digit)) return
    for (const collector of this.#collectors[side]) collector.digit(digit.toUpperCase())
  }

  keyWay(side: LegSide): KeyWay {
    return this.#parts.keys()?.[side].way ?? 'none'
  }

  onKeys(side: LegSide, listener: KeyListener): void {
    this.#keyboards[side].listener = listener
  }

  watchKeys(side: LegSide): boolean {
    const keyboard = this.#keyboards[side]
    const isTold = keyboard.isWatched || this.#parts.keys()?.[side].isKept === true
    keyboard.isWatched = true
    const { last } = keyboard
    if (!isTold && last !== null && performance.now() - last.atMs <= RECALLED_MS) tell(keyboard, last)
    return this.#parts.keys()?.[side].presses === true
  }

  /** A key that this side has pressed (RFC 4733), as FreeSWITCH tells of it: when it is up again. */
  pressed(side: LegSide, digit: string, durationMs: number): void {
    this.digitFrom(side, digit)
    const keyboard = this.#keyboards[side]
    keyboard.last = { digit, durationMs, atMs: performance.now() }
    if (keyboard.isWatched || this.#parts.keys()?.[side].isKept === true) tell(keyboard, keyboard.last)
  }

  async sendDigits(side: LegSide, digits: string): Promise<void> {
    if (!/^[0-9A-D*#]{1,64}$/i.test(digits)) throw new UnsafeText('digits are 1 to 64 of 0-9, A-D, * and #')
    const leg = this.#parts.leg(side)
    // It would send an INFO to us instead.
    if (this.keyWay(side) === 'none') return this.#playKeys(leg, digits)
    await leg.command('uuid_send_dtmf', `${digits}@${KEY_MS}`)
    await sleep(digits.length * (KEY_MS + KEY_GAP_MS)) // The command is answered when they are queued.
  }

  /** As the tones of the keys. */
  #playKeys(leg: FreeSwitchLeg, digits: string): Promise<void> {
    return this.#parts.joint.alone(async () => {
      for (const digit of digits)
        await leg.play(`tone_stream://%(${[KEY_MS, KEY_GAP_MS, ...tonesOf(digit)].join(',')})`)
    })
  }

  async record({ name, maxMs, only }: RecordOptions): Promise<Recording> {
    if (only) throw new MediaUnavailable('it records both sides or none')
    const leg = this.#parts.leg('caller')
    const file = `${this.#parts.recordingsDir}/${safeFileName('the name of a recording', name)}.wav`
    const recording = await FreeSwitchRecording.start({ leg, name, file, maxMs })
    this.#recordings.add(recording)
    void recording.ended.then(() => this.#recordings.delete(recording))
    return recording
  }

  async apart(on: boolean): Promise<void> {
    this.#parts.leg('caller')
    await this.#parts.joint.apart(on)
  }

  /** Before the channels end. */
  async close(reason: 'call_ended' | 'engine_lost'): Promise<void> {
    for (const side of ['caller', 'buyer'] as const) for (const each of this.#collectors[side]) each.stop()
    await Promise.all([...this.#recordings].map((recording) => recording.end(reason)))
  }
}

function newKeyboard(): Keyboard {
  return { listener: null, isWatched: false, last: null }
}

function tell({ listener }: Keyboard, { digit, durationMs }: { digit: string; durationMs: number }): void {
  listener?.down(digit)
  listener?.up(digit, durationMs)
}

/** How FreeSWITCH names a sound (mod_sndfile, mod_tone_stream). */
function fileOf(prompt: Prompt, repeat: boolean, dir: string): string {
  switch (prompt.kind) {
    case 'file': {
      const name = safeFileName('the name of a prompt', prompt.name)
      return safeWord('the path of a prompt', `${dir}/${name}${/\.\w+$/.test(name) ? '' : '.wav'}`)
    }
    case 'tone': {
      const figures = [prompt.onMs, prompt.offMs, ...prompt.hertz]
      if (
        prompt.hertz.length === 0 ||
        prompt.hertz.length > 2 ||
        !figures.every((each) => each >= 0 && each <= 600_000)
      )
        throw new MediaUnavailable('a tone has one or two frequencies, and times up to ten minutes')
      return `tone_stream://%(${figures.map((each) => Math.round(each)).join(',')})${repeat ? ';loops=-1' : ''}`
    }
    case 'silence':
      return `silence_stream://${Math.max(1, Math.round(prompt.ms))}`
  }
}
