import type { RecordingEnd } from '../audio-tools.ts'
import { RecordingFile } from '../recording/recording-file.ts'
import { TO_LINEAR, type Law } from './g711.ts'
import { rtpPayloadEnd, rtpPayloadStart } from './rtp-packet.ts'
import type { RecordingPlan } from './tool-messages.ts'

const SAMPLES_A_MS = 8
/** Samples kept of each side until they are written: two seconds, a power of two. */
const RING = 1 << 14
/** A packet may be so late and still find its place. */
const REORDER_SAMPLES = 200 * SAMPLES_A_MS
/** What is written at once: a quarter of a second, so that a killed process has little unwritten. */
const CHUNK_SAMPLES = 250 * SAMPLES_A_MS
/** A sender whose timestamps are so far from the clock for so many packets counts in a way of its own: it is placed anew. */
const STRAY_SAMPLES = 200 * SAMPLES_A_MS
const STRAY_PACKETS = 10

/** One side's way from its timestamps to places in the recording. */
interface Side {
  readonly ring: Int16Array
  ssrc: number
  /** Add to a timestamp, modulo 2^32. */
  offset: number
  stray: number
}

/**
 * Puts what both sides say where it belongs in time: the first packet of a stream by when it came, the others by their timestamps, so that
 * jitter and packets out of order do no harm and what was lost is silence.
 */
export class Recorder {
  readonly #plan: RecordingPlan
  readonly #file: RecordingFile
  readonly #startMs: number
  readonly #onEnded: (end: RecordingEnd) => void
  readonly #sides: readonly [Side, Side] = [newSide(), newSide()]
  /** Samples written. */
  #written = 0
  #paused = false
  #ended = false

  constructor(
    plan: RecordingPlan,
    nowMs: number,
    onEnded: (end: RecordingEnd) => void,
    createFile?: ConstructorParameters<typeof RecordingFile>[4],
  ) {
    this.#plan = plan
    this.#startMs = nowMs
    this.#onEnded = onEnded
    const key = Buffer.from(plan.key.buffer, plan.key.byteOffset, plan.key.length)
    this.#file = new RecordingFile(plan.file, plan.header, key, (reason) => void this.finish(reason), createFile)
  }

  /** Rejects when there can be no file. */
  opened(): Promise<void> {
    return this.#file.opened()
  }

  set isPaused(isPaused: boolean) {
    this.#paused = isPaused
  }

  /** One G.711 packet of a side. */
  heard(channel: 0 | 1, packet: Buffer, law: Law, nowMs: number): void {
    if (this.#paused || this.#ended) return
    const from = rtpPayloadStart(packet)
    const size = rtpPayloadEnd(packet) - from
    const end = this.#place(this.#sides[channel], packet, size, nowMs)
    const start = Math.max(end - size, this.#written)
    if (end > this.#written + RING) this.turn(nowMs)
    if (end > this.#written + RING) return
    const { ring } = this.#sides[channel]
    const table = TO_LINEAR[law]
    for (let at = start; at < end; at++) ring[at & (RING - 1)] = table[packet[from + at - (end - size)]!]!
  }

  /** Where its last sample goes. It came when all of it had been said. */
  #place(side: Side, packet: Buffer, size: number, nowMs: number): number {
    const clock = this.#clock(nowMs)
    const ssrc = packet.readUInt32BE(8)
    const last = packet.readUInt32BE(4) + size
    const end = clock + ((last + side.offset - clock) | 0)
    const distance = end - clock
    if (side.ssrc === ssrc) {
      side.stray = Math.abs(distance) > STRAY_SAMPLES ? side.stray + 1 : 0
      if (side.stray < STRAY_PACKETS && distance <= STRAY_SAMPLES) return end
    }
    side.ssrc = ssrc
    side.offset = (clock - last) | 0
    side.stray = 0
    return clock
  }

  #clock(nowMs: number): number {
    return Math.round((nowMs - this.#startMs) * SAMPLES_A_MS)
  }

  /** Called now and then: writes what can no longer change. */
  turn(nowMs: number): void {
    if (this.#ended) return
    const until = Math.min(this.#clock(nowMs) - REORDER_SAMPLES, this.#plan.maxMs * SAMPLES_A_MS)
    while (!this.#ended && until - this.#written >= CHUNK_SAMPLES) this.#file.write(this.#take(CHUNK_SAMPLES))
    if (this.#clock(nowMs) >= this.#plan.maxMs * SAMPLES_A_MS) void this.finish('longest', nowMs)
  }

  /** Ends it, with all that has come. Resolves when that is on the disk; does nothing the second time. */
  async finish(reason: string, nowMs = performance.now()): Promise<void> {
    if (this.#ended) return
    this.#ended = true
    const until = Math.min(this.#clock(nowMs), this.#plan.maxMs * SAMPLES_A_MS)
    while (until - this.#written > CHUNK_SAMPLES) this.#file.write(this.#take(CHUNK_SAMPLES))
    await this.#file.finish(this.#take(Math.max(0, until - this.#written)))
    const durationMs = Math.round(this.#written / SAMPLES_A_MS)
    this.#onEnded({ file: this.#plan.file, durationMs, bytes: this.#file.bytes, reason })
  }

  /** The next samples, left and right in turn, which leave silence behind. */
  #take(count: number): Buffer {
    const samples = Buffer.allocUnsafe(4 * count)
    const [{ ring: left }, { ring: right }] = this.#sides
    for (let i = 0; i < count; i++) {
      const at = (this.#written + i) & (RING - 1)
      samples.writeInt16LE(left[at]!, 4 * i)
      samples.writeInt16LE(right[at]!, 4 * i + 2)
      left[at] = 0
      right[at] = 0
    }
    this.#written += count
    return samples
  }
}

function newSide(): Side {
  return { ring: new Int16Array(RING), ssrc: -1, offset: 0, stray: 0 }
}
