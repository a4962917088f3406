/** A message as drachtio-srf's parser makes it, and that parser. */
interface Parser {
  parseSipMessage(text: string, isLazy: boolean): object | undefined
}

const FOLD = /[ \t]*\r\n[ \t]+/g

/**
 * Has drachtio-srf read header fields that go on in the next line (RFC 3261 §7.3.1) as one line. Our own server hands them over
 * like that; drachtio-server hands over what came, of which drachtio-srf keeps the line breaks, and would send them on. `raw`
 * stays as it came.
 */
export function unfoldHeaders(parser: Parser): void {
  const parse = parser.parseSipMessage.bind(parser)
  parser.parseSipMessage = (text, isLazy) => parse(unfolded(text), isLazy)
}

function unfolded(text: string): string {
  if (!text.includes('\r\n ') && !text.includes('\r\n\t')) return text
  const end = text.indexOf('\r\n\r\n')
  if (end === -1) return text.replace(FOLD, ' ')
  return text.slice(0, end).replace(FOLD, ' ') + text.slice(end)
}
