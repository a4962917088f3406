/** Money: integer millionths of the currency's unit ($1.00 = 1_000_000n), never a JavaScript number. */
export type Micros = bigint

/** ISO 4217, for instance `USD`. */
export type Currency = string

export const CENT: Micros = 10_000n

/** The most an input may say: $1 billion. Beyond it somebody has mistyped, and sums stay far inside 64 bits. */
export const MAX_MONEY: Micros = 1_000_000_000_000_000n

const DECIMAL = /^(\d{1,10})(?:\.(\d{1,6}))?$/

/**
 * Reads `"2.50"` or the JSON number 2.5 as micros: not negative, at most 6 decimals, at most MAX_MONEY.
 * Anything else (`-1`, `NaN`, `1e309`, 40 decimals) is null.
 */
export function parseMoney(input: string | number): Micros | null {
  const text = typeof input === 'number' ? decimalText(input) : input
  const match = DECIMAL.exec(text)
  if (!match) return null
  const micros = BigInt(match[1]!) * 1_000_000n + BigInt((match[2] ?? '').padEnd(6, '0'))
  return micros <= MAX_MONEY ? micros : null
}

function decimalText(value: number): string {
  if (!Number.isFinite(value)) return ''
  const text = String(value)
  return text.includes('e') ? value.toFixed(7).replace(/0$/, '') : text
}

/** `2_500_000n` → `"2.50"`: at least two decimals, at most six, a minus sign in front when negative. */
export function formatMoney(micros: Micros): string {
  const sign = micros < 0n ? '-' : ''
  const value = micros < 0n ? -micros : micros
  const fraction = (value % 1_000_000n)
    .toString()
    .padStart(6, '0')
    .replace(/0{1,4}$/, '')
  return `${sign}${value / 1_000_000n}.${fraction}`
}

/** The largest whole-cent amount that is not above `micros` (which is not negative). */
export function floorToCent(micros: Micros): Micros {
  return micros - (micros % CENT)
}

/** The smallest whole-cent amount that is not below `micros` (which is not negative). */
export function ceilToCent(micros: Micros): Micros {
  return floorToCent(micros + CENT - 1n)
}

const SHARE = /^(0(?:\.\d{1,6})?|1(?:\.0{1,6})?)$/

/** Reads a share of a price, `"0.80"`, as millionths (800_000n); null unless it is within [0, 1]. */
export function parseShare(input: string | number): bigint | null {
  const text = typeof input === 'number' ? decimalText(input) : input
  return SHARE.test(text) ? parseMoney(text) : null
}
