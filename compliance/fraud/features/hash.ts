/** A whole number of 53 bits, never 0, that stands for the text: ids, addresses and names are compared by it. */
export function hashText(text: string): number {
  let high = 0x811c9dc5
  let low = 0x1b873593
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    high = Math.imul(high ^ code, 0x01000193)
    low = Math.imul(low ^ code, 0x85ebca6b)
    low ^= low >>> 13
  }
  return join(high, low)
}

/** The same of a list of texts, whose order counts. */
export function hashTexts(texts: readonly string[]): number {
  let high = 0
  let low = 0
  for (const text of texts) {
    const hash = hashText(text)
    high = Math.imul(high, 31) + (hash >>> 0)
    low = Math.imul(low ^ (hash / 0x1_0000_0000), 0x85ebca6b) ^ (hash >>> 0)
  }
  return join(high, low)
}

function join(high: number, low: number): number {
  return (mix32(high) >>> 0) * 0x20_0000 + (mix32(low) >>> 11) || 1
}

/** 32 well mixed bits of a whole number up to 53 bits (the finalizer of MurmurHash3). */
export function mixNumber(key: number): number {
  return mix32((key | 0) ^ Math.imul((key / 0x1_0000_0000) | 0, 0x9e3779b1)) >>> 0
}

function mix32(bits: number): number {
  bits ^= bits >>> 16
  bits = Math.imul(bits, 0x85ebca6b)
  bits ^= bits >>> 13
  bits = Math.imul(bits, 0xc2b2ae35)
  return bits ^ (bits >>> 16)
}

/** The digits of `+12125550123` as a number: at most 15 of them (E.164), which is less than 2 to the 53rd. */
export function digitsOf(number: string): number {
  let digits = 0
  for (let i = 1; i < number.length; i++) digits = digits * 10 + (number.charCodeAt(i) - 48)
  return digits
}

/** The block a number is of: NPA-NXX-X, a thousand numbers, which is what numbers are handed out by. */
export function blockOf(digits: number): number {
  return Math.floor(digits / 1000)
}
