/** A message as drachtio-srf's parser makes it, and that parser. */
interface Parser {
  parseSipMessage(text: string, isLazy: boolean): object | undefined
}

/**
 * Keeps drachtio-srf from headers whose name has a `%` in it. A header's name has no escapes (RFC 3261 §25.1), but drachtio-srf reads
 * some: to it `%58-DCE-TLS-Client` is our own `X-DCE-TLS-Client`, `%46rom` a second From, and a name may end its line and begin the
 * next. No such header means anything to us. Lines are to be unfolded before.
 */
export function ignoreEscapedNames(parser: Parser): void {
  const parse = parser.parseSipMessage.bind(parser)
  parser.parseSipMessage = (text, isLazy) => parse(withoutEscapedNames(text), isLazy)
}

function withoutEscapedNames(text: string): string {
  if (!text.includes('%')) return text
  const headEnd = text.indexOf('\r\n\r\n')
  const end = headEnd === -1 ? text.length : headEnd
  const lines = text.slice(0, end).split('\r\n')
  const kept = lines.filter((line, index) => index === 0 || !isNameEscaped(line))
  return kept.length === lines.length ? text : kept.join('\r\n') + text.slice(end)
}

function isNameEscaped(line: string): boolean {
  const percent = line.indexOf('%')
  return percent !== -1 && percent < line.indexOf(':')
}
