/** G.711, both laws, by table: a byte is a sample of 14 (µ) or 13 (A) bits, at 8 kHz. */
export type Law = 'u' | 'a'

const BIAS = 0x84
const CLIP = 32_635

/** µ-law byte → 16-bit sample (ITU-T G.711 Table 2, by its usual bias). */
function fromMu(byte: number): number {
  const bits = ~byte & 0xff
  const magnitude = (((bits & 0x0f) << 3) + BIAS) << ((bits >> 4) & 7)
  return bits & 0x80 ? BIAS - magnitude : magnitude - BIAS
}

/** A-law byte → 16-bit sample (ITU-T G.711 Table 1: every other bit is turned over). */
function fromA(byte: number): number {
  const bits = byte ^ 0x55
  const segment = (bits >> 4) & 7
  const step = ((bits & 0x0f) << 4) + 8
  const magnitude = segment === 0 ? step : (step + 0x100) << (segment - 1)
  return bits & 0x80 ? magnitude : -magnitude
}

function toMu(sample: number): number {
  const sign = sample < 0 ? 0x80 : 0
  const biased = Math.min(CLIP, Math.abs(sample)) + BIAS
  const segment = 24 - Math.clz32(biased >> 0) // Bit 7 is segment 0.
  return ~(sign | (segment << 4) | ((biased >> (segment + 3)) & 0x0f)) & 0xff
}

function toA(sample: number): number {
  const sign = sample < 0 ? 0 : 0x80
  const magnitude = Math.min(0x7fff, sample < 0 ? ~sample : sample)
  const segment = Math.max(0, 24 - Math.clz32(magnitude))
  const step = segment < 2 ? magnitude >> 4 : magnitude >> (segment + 3)
  return (sign | (segment << 4) | (step & 0x0f)) ^ 0x55
}

/** Byte → 16-bit sample. */
export const TO_LINEAR: Readonly<Record<Law, Int16Array>> = {
  u: Int16Array.from({ length: 256 }, (_, byte) => fromMu(byte)),
  a: Int16Array.from({ length: 256 }, (_, byte) => fromA(byte)),
}

/** 16-bit sample → byte. */
export function encode(law: Law, sample: number): number {
  return law === 'u' ? toMu(sample) : toA(sample)
}

/** From one law's byte to the nearest of the other's. */
export const TRANSCODE: Readonly<Record<Law, Uint8Array>> = {
  u: Uint8Array.from(TO_LINEAR.u, toA),
  a: Uint8Array.from(TO_LINEAR.a, toMu),
}
