import { systemRandom } from '../../model/random.ts'
import { DigitReader, type KeyPress } from './digits.ts'
import { OutgoingStream } from './outgoing-stream.ts'
import { NO_FORMATS } from './party-formats.ts'
import type { AudioTap, HeardEvent } from './relay-leg.ts'
import type { Recorder } from './recorder.ts'
import type { PartyFormats } from './tool-messages.ts'

/** Of the leg whose audio it is. */
export interface TappedLeg {
  readonly formats: PartyFormats
  tap: AudioTap | null
  readonly lastEvent: HeardEvent | null
  sendRtp(packet: Buffer): void
}

/** A key that was pressed this long ago is recalled, ms: so late at most comes what a phone says of it by SIP INFO, too. */
const RECALLED_MS = 2000

/** Told of the keys one party presses while it is listened to. */
export interface KeyEar {
  pressed(digit: string): void
  released(press: KeyPress): void
}

/** What the tools do with one leg's packets, from the first tool used on until the session ends. */
export class LegAudio implements AudioTap {
  readonly stream = new OutgoingStream(systemRandom)
  /** While something is played to this party it does not hear the other. */
  isPlaying = false
  /** What this party says reaches nobody. */
  isApart = false
  isListenedTo = false
  recorder: Recorder | null = null
  readonly #channel: 0 | 1
  readonly #ear: KeyEar
  readonly #digits = new DigitReader()
  /** The ear knows of the key that is down. */
  #isToldOf = false
  #leg: TappedLeg

  /** `channel`: of a recording, 0 left. */
  constructor(leg: TappedLeg, channel: 0 | 1, ear: KeyEar) {
    this.#leg = leg
    this.#channel = channel
    this.#ear = ear
    leg.tap = this
  }

  /** The party has other ports now, or is another. */
  attach(leg: TappedLeg): void {
    this.#leg.tap = null
    this.#leg = leg
    leg.tap = this
  }

  get formats(): PartyFormats {
    return this.#leg.formats
  }

  /** False for a party that has agreed to no G.711; of one that has said nothing yet nobody knows. */
  get mayBeRecorded(): boolean {
    return this.formats.speech !== null || this.formats === NO_FORMATS
  }

  send(packet: Buffer): void {
    this.#leg.sendRtp(packet)
  }

  received(packet: Buffer, nowMs: number): boolean {
    const payload = packet[1]! & 0x7f
    const events = this.formats.events.find(([number]) => number === payload)
    if (events) this.#read(packet, events[1], nowMs)
    else if (this.recorder !== null) {
      const g711 = this.formats.g711.find(([number]) => number === payload)
      if (g711) this.recorder.heard(this.#channel, packet, g711[1], nowMs)
    }
    return this.isApart
  }

  sending(packet: Buffer, nowMs: number): Buffer | null {
    if (this.isPlaying) return null
    return this.stream.hasBegun ? this.stream.carry(packet, nowMs) : packet
  }

  /** Called now and then while this party is listened to: a key whose release was lost has been released. */
  turn(nowMs: number): void {
    this.#told(this.#digits.quiet(nowMs))
  }

  /** The key that was pressed last, when that was a moment ago and is over. */
  recall(nowMs: number): KeyPress | null {
    const last = this.#leg.lastEvent
    if (last === null || nowMs - last.atMs > RECALLED_MS) return null
    const events = this.formats.events.find(([number]) => number === (last.packet[1]! & 0x7f))
    const reader = new DigitReader()
    return (events && reader.read(last.packet, events[1], last.atMs)) ?? reader.quiet(nowMs)
  }

  #read(packet: Buffer, hertz: number, nowMs: number): void {
    this.#told(this.#digits.read(packet, hertz, nowMs))
    const { pressed } = this.#digits
    if (pressed === null || this.#isToldOf || !this.isListenedTo) return
    this.#isToldOf = true
    this.#ear.pressed(pressed)
  }

  #told(press: KeyPress | null): void {
    if (press === null) return
    if (this.isListenedTo) {
      if (!this.#isToldOf) this.#ear.pressed(press.digit)
      this.#ear.released(press)
    }
    this.#isToldOf = false
  }
}
