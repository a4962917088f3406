/** A field (RFC 4180 §2). Text that a spreadsheet would run as a formula has an apostrophe before it; numbers are none. */
export function csvText(text: string): string {
  const safe = /^[=@\t\r]|^[+-](?![\d.]+$)/.test(text) ? `'${text}` : text
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}
