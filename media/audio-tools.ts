import type { LegSide } from '../model/call.ts'

/** What can be played: a file of the prompt store by its name, or a sound that needs no file. */
export type Prompt =
  | { readonly kind: 'file'; readonly name: string }
  /** One or two frequencies, hertz, sounding for `onMs` and silent for `offMs`, over and over (ITU-T E.180). */
  | { readonly kind: 'tone'; readonly hertz: readonly number[]; readonly onMs: number; readonly offMs: number }
  | { readonly kind: 'silence'; readonly ms: number }

export interface PlayOptions {
  /** From the beginning again until stopped: ringback, music on hold. */
  readonly repeat?: boolean
  /** Stops it; `play` resolves then as at its end. */
  readonly signal?: AbortSignal
}

export interface DigitRequest {
  /** So many digits end it. */
  readonly max: number
  /** One of these ends it, and is not among the digits: `#` for instance. */
  readonly terminators?: string
  /** Until the first digit, and between two, ms. */
  readonly firstMs: number
  readonly betweenMs: number
  readonly signal?: AbortSignal
}

export interface Digits {
  readonly digits: string
  readonly endedBy: 'max' | 'terminator' | 'timeout' | 'aborted'
}

export interface RecordOptions {
  /** What the recording is called; its file is the engine's business. */
  readonly name: string
  /** It ends by itself after so long, ms. */
  readonly maxMs: number
  /** This side alone is heard in it, the other's channel is silence; absent: both. An engine that cannot rejects. */
  readonly only?: LegSide
}

/** A recording under way: both directions, the caller left and the buyer right. */
export interface Recording {
  readonly name: string
  /** Silence is written while it is paused: a card number is not kept (PCI DSS 3.2). */
  pause(): Promise<void>
  resume(): Promise<void>
  /** Resolves once all of it is safe on the disk; the same again after the first time, and after the session has closed. */
  stop(): Promise<RecordingEnd>
  /** Resolves with the same, whatever ended it: it may end before anybody says so, and the call goes on. Never rejects. */
  readonly ended: Promise<RecordingEnd>
}

export interface RecordingEnd {
  readonly file: string
  readonly durationMs: number
  readonly bytes: number
  /** `stopped`, `call_ended`, `longest` (its maxMs), `disk_full`, `disk_slow`, `disk_error (CODE)` or `engine_lost`. */
  readonly reason: string
}

/**
 * How a side is told of the keys that the other presses (RFC 4733): `passed`: as the other presses them; `sent`: only by `sendDigits`;
 * `none`: it takes no key presses in its audio now.
 */
export type KeyWay = 'passed' | 'sent' | 'none'

/** Who is told of a side's keys: first `down`, then `up` with how long it was pressed, ms, for each; of some engines both at once. */
export interface KeyListener {
  down(digit: string): void
  up(digit: string, durationMs: number): void
}

/**
 * Prompts, digits and recording of one session, for engines that do more than pass audio on. Each side's face must have been agreed
 * first: nobody can be played to who has not said where they are. Rejects with MediaUnavailable when the session has ended.
 */
export interface AudioTools {
  /** Plays to this side alone, which does not hear the other meanwhile. Resolves when all of it has been sent, or it was stopped. */
  play(side: LegSide, prompt: Prompt, options?: PlayOptions): Promise<void>
  /** Resolves with the digits this side dials (RFC 4733; those of SIP INFO are handed in with `digitFrom`). */
  collectDigits(side: LegSide, request: DigitRequest): Promise<Digits>
  /** A digit that came another way: SIP INFO. */
  digitFrom(side: LegSide, digit: string): void
  /** Dials to this side, as RFC 4733 events, else as tones. What is played to it goes on afterwards. */
  sendDigits(side: LegSide, digits: string): Promise<void>
  /** As both sides have agreed last. */
  keyWay(side: LegSide): KeyWay
  /** From now on `listener` is told of the keys this side presses (RFC 4733) that are kept from the other, which has not agreed to them. */
  onKeys(side: LegSide, listener: KeyListener): void
  /**
   * From now on it is told of all keys this side presses, and of the last one of before, if that was a moment ago. False: it has agreed
   * to no events, so that it presses none.
   */
  watchKeys(side: LegSide): boolean
  record(options: RecordOptions): Promise<Recording>
  /** While on, neither side hears the other, only what is played to it: a buyer who has not accepted yet. */
  apart(on: boolean): Promise<void>
}
