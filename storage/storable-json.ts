// A pair of backslashes is skipped as a pair, so that an escaped backslash before "u0000" is left as it is.
const UNSTORABLE = /\\\\|\\u(?:0000|d[89a-f][0-9a-f]{2})/g

/** JSON that Postgres takes: a NUL character or half a surrogate pair, which it refuses, becomes U+FFFD. */
export function storableJson(value: unknown): string {
  const text = JSON.stringify(value)
  return text.includes('\\u') ? text.replace(UNSTORABLE, (match) => (match === '\\\\' ? match : '\\ufffd')) : text
}
