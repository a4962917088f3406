import type { AudioFault } from '../../model/cdr.ts'

/** How the payload of a codec looks that says nothing; see `soundOf`. */
export const SOUNDS = { opaque: 0, pcmu: 1, pcma: 2, comfortNoise: 3, event: 4 } as const

const RTP_HEADER_BYTES = 12
/** Frames this short carry no speech: an Opus packet of DTX (RFC 6716 §2.1.9), a G.729 SID (RFC 3551 §4.5.6). */
const QUIET_FRAME_BYTES = 2

/** What to look for in packets of a codec, by its name in SDP. */
export function soundOf(codecName: string): number {
  const name = codecName.toLowerCase()
  if (name === 'pcmu') return SOUNDS.pcmu
  if (name === 'pcma') return SOUNDS.pcma
  if (name === 'cn') return SOUNDS.comfortNoise
  return name === 'telephone-event' ? SOUNDS.event : SOUNDS.opaque
}

/**
 * Whether one side of a call can be heard at all: that its packets come, and that they are not all digital silence. A side that has
 * said it is quiet (comfort noise of RFC 3389, DTX) and then sends nothing is quiet, not mute. Looks into payloads only until the first
 * sound.
 */
export class OneWayWatch {
  fault: AudioFault | null = null
  /** How long the fault has lasted, at its longest. */
  faultMs = 0
  #watchedFromMs = NaN
  #lastMs = 0
  #isQuiet = false
  #hasSound = false
  #hasPackets = false

  /** Both sides ought to be heard from now on. */
  begin(nowMs: number): void {
    this.#watchedFromMs = nowMs
    this.#lastMs = nowMs
    this.#isQuiet = false
  }

  /** Silence means nothing from now on (hold, an open place). */
  pause(): void {
    this.#watchedFromMs = NaN
  }

  /** Each believed RTP packet of this side; `sound` is of its payload type. */
  see(packet: Uint8Array, nowMs: number, sound: number): void {
    this.#lastMs = nowMs
    if (this.#hasSound && sound !== SOUNDS.comfortNoise && packet.length > RTP_HEADER_BYTES + QUIET_FRAME_BYTES) {
      this.#isQuiet = false
      return
    }
    this.#look(packet, sound)
  }

  #look(packet: Uint8Array, sound: number): void {
    if (sound === SOUNDS.event) return
    this.#hasPackets = true
    const start = payloadStart(packet)
    this.#isQuiet = sound === SOUNDS.comfortNoise || packet.length - start <= QUIET_FRAME_BYTES
    if (this.#isQuiet || this.#hasSound) return
    this.#hasSound = sound === SOUNDS.opaque || !isDigitalSilence(packet, start, sound)
    if (this.#hasSound && this.fault === 'digital_silence') {
      this.fault = null
      this.faultMs = 0
    }
  }

  /**
   * Looks at this side once in a while. Returns a fault when it has just been found: for `limitMs` nothing came of this side, though
   * the other was heard in that time, or digital silence was all that ever came.
   */
  judge(nowMs: number, other: OneWayWatch, limitMs: number): AudioFault | null {
    const watchedMs = nowMs - this.#watchedFromMs
    if (!(watchedMs >= limitMs)) return null // NaN too: nobody watches.
    const missingMs = nowMs - this.#lastMs
    if (missingMs >= limitMs) {
      const otherIsHeard = nowMs - other.#lastMs < limitMs && other.#hasPackets
      return !this.#isQuiet && otherIsHeard ? this.#found('no_audio', missingMs) : null
    }
    if (!this.#hasSound && this.#hasPackets && !this.#isQuiet) return this.#found('digital_silence', watchedMs)
    return null
  }

  /** A missing stream outranks a silent one: who sends nothing any more has also said nothing. */
  #found(fault: AudioFault, lastedMs: number): AudioFault | null {
    const isNew = this.fault === null || (this.fault === 'digital_silence' && fault === 'no_audio')
    if (isNew) this.faultMs = 0
    if (isNew) this.fault = fault
    if (this.fault === fault) this.faultMs = Math.max(this.faultMs, lastedMs)
    return isNew ? fault : null
  }
}

/** Where the payload of a valid RTP packet begins (RFC 3550 §5.1, §5.3.1). */
function payloadStart(packet: Uint8Array): number {
  let start = RTP_HEADER_BYTES + 4 * (packet[0]! & 0x0f)
  if (packet[0]! & 0x10) start += 4 + 4 * ((packet[start + 2]! << 8) | packet[start + 3]!)
  return start
}

/** µ-law 0xFF or 0x7F, A-law 0xD5 or 0x55, and nothing else: the codes of no voltage at all (ITU-T G.711), of either sign. */
function isDigitalSilence(packet: Uint8Array, start: number, sound: number): boolean {
  const silence = sound === SOUNDS.pcmu ? 0xff : 0xd5
  for (let i = start; i < packet.length; i++) if ((packet[i]! | 0x80) !== silence) return false
  return true
}
