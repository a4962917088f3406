import { rtpPayloadStart } from './rtp-packet.ts'

/** Events 0 to 15 of RFC 4733 §3.2. */
const KEYS = '0123456789*#ABCD'
/** An event that nothing more is heard of for so long is over, though no packet said so. */
export const EVENT_QUIET_MS = 150
/** The longest that one packet's duration can tell; a longer key press goes on in another event (RFC 4733 §2.5.1.3). */
const SEGMENT = 0xffff

/** One key press. */
export interface KeyPress {
  readonly digit: string
  readonly durationMs: number
}

/** A key's two frequencies, hertz (ITU-T Q.23). */
export function tonesOf(digit: string): readonly number[] {
  const place = '123A456B789C*0#D'.indexOf(digit.toUpperCase())
  return [[697, 770, 852, 941][place >> 2]!, [1209, 1336, 1477, 1633][place & 3]!]
}

/** Whether every character is a key that can be pressed. */
export function areKeys(digits: string): boolean {
  return /^[0-9*#A-Da-d]+$/.test(digits)
}

/** The payload of one packet of an event (RFC 4733 §2.3), at the usual level of -10 dBm0. */
export function eventPayload(digit: string, duration: number, isEnd: boolean): Buffer {
  const payload = Buffer.from([KEYS.indexOf(digit.toUpperCase()), (isEnd ? 0x80 : 0) | 10, 0, 0])
  payload.writeUInt16BE(Math.min(SEGMENT, duration), 2)
  return payload
}

interface Event {
  readonly ssrc: number
  readonly key: number
  timestamp: number
  duration: number
  /** Of the segments before this one. */
  before: number
  readonly hertz: number
  heardMs: number
  ended: boolean
}

/**
 * Reads one party's key presses from its telephone-events. The end of an event is sent three times and may be lost three times: it is
 * told once, by the first end packet, else by what comes after it, or by nothing coming.
 */
export class DigitReader {
  #event: Event | null = null

  /** One telephone-event packet of `hertz` timestamps; returns the key press that it ended. */
  read(packet: Buffer, hertz: number, nowMs: number): KeyPress | null {
    const at = rtpPayloadStart(packet)
    if (packet.length < at + 4) return null
    const key = packet[at]!
    if (key >= KEYS.length) return null
    const isEnd = (packet[at + 1]! & 0x80) !== 0
    const duration = packet.readUInt16BE(at + 2)
    const timestamp = packet.readUInt32BE(4)
    const ssrc = packet.readUInt32BE(8)
    let earlier: KeyPress | null = null
    const now = this.#event
    if (now && now.ssrc === ssrc && now.timestamp === timestamp) {
      now.duration = Math.max(now.duration, duration)
      now.heardMs = nowMs
    } else if (now && this.#isOlder(now, ssrc, timestamp)) {
      return null // A late packet of an event that is over.
    } else if (now && !now.ended && isNextSegment(now, ssrc, key, timestamp)) {
      now.before += now.duration
      now.timestamp = timestamp
      now.duration = duration
      now.heardMs = nowMs
    } else {
      earlier = this.#finish()
      this.#event = { ssrc, key, timestamp, duration, before: 0, hertz, heardMs: nowMs, ended: false }
    }
    // Two at once cannot be: the earlier one is told now, and this one by the next of its end packets, or by the quiet.
    return earlier ?? (isEnd ? this.#finish() : null)
  }

  /** What must have ended, since nothing has been heard of it for a while. */
  quiet(nowMs: number): KeyPress | null {
    return this.#event && nowMs - this.#event.heardMs >= EVENT_QUIET_MS ? this.#finish() : null
  }

  /** The key that is down, as far as anybody has said. */
  get pressed(): string | null {
    return this.#event !== null && !this.#event.ended ? KEYS[this.#event.key]! : null
  }

  #isOlder(now: Event, ssrc: number, timestamp: number): boolean {
    return ssrc === now.ssrc && ((now.timestamp - timestamp) | 0) > 0
  }

  #finish(): KeyPress | null {
    const event = this.#event
    if (event === null || event.ended) return null
    event.ended = true
    return { digit: KEYS[event.key]!, durationMs: Math.round(((event.before + event.duration) * 1000) / event.hertz) }
  }
}

function isNextSegment(now: Event, ssrc: number, key: number, timestamp: number): boolean {
  return (
    ssrc === now.ssrc && key === now.key && now.duration === SEGMENT && timestamp === (now.timestamp + SEGMENT) >>> 0
  )
}
