/** RTP packets of 20 ms of G.711 µ-law (RFC 3550 §5.1, RFC 3551) with the time of sending in their first samples. */

export const PACKET_MS = 20
export const SAMPLES = 160
const HEADER_BYTES = 12
export const PACKET_BYTES = HEADER_BYTES + SAMPLES

/** Marks a payload as stamped; a stamp costs 1.5 ms of tone. */
const STAMP_MAGIC = 0x44434531

/** µs of the machine's monotonic clock: the same in every thread and process. */
export function nowUs(): number {
  const [seconds, nanoseconds] = process.hrtime()
  return seconds * 1e6 + nanoseconds / 1e3
}

/** G.711 µ-law of a 16-bit sample (ITU-T G.711, as in Sun's reference code). */
export function encodeMuLaw(sample: number): number {
  const sign = sample < 0 ? 0x80 : 0
  const magnitude = Math.min(Math.abs(Math.trunc(sample)), 32_635) + 132
  const exponent = Math.max(0, 31 - Math.clz32(magnitude) - 7)
  return ~(sign | (exponent << 4) | ((magnitude >> (exponent + 3)) & 0x0f)) & 0xff
}

/** 20 ms of a tone, a third of full scale. `hz` is a multiple of 50, so that packets join without a click. */
export function buildTone(hz: number): Buffer {
  return Buffer.from(
    Array.from({ length: SAMPLES }, (_, i) => encodeMuLaw(10_000 * Math.sin((2 * Math.PI * hz * i) / 8000))),
  )
}

export interface RtpFields {
  readonly sequence: number
  readonly timestamp: number
  readonly ssrc: number
  /** When it was sent, in µs of `nowUs`; NaN for a payload that is not ours. */
  readonly sentUs: number
}

export function buildPacket(fields: RtpFields, isFirst: boolean, tone: Buffer): Buffer {
  const packet = Buffer.allocUnsafe(PACKET_BYTES)
  packet[0] = 0x80
  packet[1] = isFirst ? 0x80 : 0
  packet.writeUInt16BE(fields.sequence, 2)
  packet.writeUInt32BE(fields.timestamp, 4)
  packet.writeUInt32BE(fields.ssrc, 8)
  tone.copy(packet, HEADER_BYTES)
  packet.writeUInt32BE(STAMP_MAGIC, HEADER_BYTES)
  packet.writeDoubleBE(fields.sentUs, HEADER_BYTES + 4)
  return packet
}

/** Reads a packet; `null` when it is no RTP of version 2. Header extensions and contributing sources are passed over. */
export function parsePacket(packet: Buffer): RtpFields | null {
  if (packet.length < HEADER_BYTES || packet[0]! >> 6 !== 2) return null
  let payload = HEADER_BYTES + 4 * (packet[0]! & 0x0f)
  if ((packet[0]! & 0x10) !== 0) {
    if (packet.length < payload + 4) return null
    payload += 4 + 4 * packet.readUInt16BE(payload + 2)
  }
  const isStamped = packet.length >= payload + 12 && packet.readUInt32BE(payload) === STAMP_MAGIC
  return {
    sequence: packet.readUInt16BE(2),
    timestamp: packet.readUInt32BE(4),
    ssrc: packet.readUInt32BE(8),
    sentUs: isStamped ? packet.readDoubleBE(payload + 4) : NaN,
  }
}
