/** The few readings the gateway makes of raw header values; everything else stays the SIP server's business. */

/** The URI of a name-addr or addr-spec (RFC 3261 §20.10): what stands between `<` and `>`, else all before the first `;`. */
export function uriOf(value: string): string {
  const open = unquotedIndexOf(value, '<')
  if (open !== -1) {
    const close = value.indexOf('>', open)
    return value.slice(open + 1, close === -1 ? undefined : close)
  }
  const semicolon = value.indexOf(';')
  return (semicolon === -1 ? value : value.slice(0, semicolon)).trim()
}

/** A header parameter of a name-addr, after its URI: `tag`, for instance; '' when there is none. */
export function paramOf(value: string, name: string): string {
  const open = unquotedIndexOf(value, '<')
  const after = open === -1 ? 0 : value.indexOf('>', open)
  const match = new RegExp(`;\\s*${name}\\s*=\\s*([^;,\\s>]+)`, 'i').exec(after === -1 ? value : value.slice(after))
  return match?.[1] ?? ''
}

/** The values of a comma list (Route, Record-Route, P-Asserted-Identity), commas inside `<>` and quotes left alone. */
export function listOf(value: string | undefined): string[] {
  if (!value) return []
  const values: string[] = []
  let start = 0
  let inAngle = false
  let inQuote = false
  for (let i = 0; i < value.length; i++) {
    const c = value[i]
    if (c === '"' && value[i - 1] !== '\\') inQuote = !inQuote
    else if (inQuote) continue
    else if (c === '<') inAngle = true
    else if (c === '>') inAngle = false
    else if (c === ',' && !inAngle) {
      values.push(value.slice(start, i).trim())
      start = i + 1
    }
  }
  values.push(value.slice(start).trim())
  return values.filter((text) => text !== '')
}

/**
 * The fields of this name in a message as it came, one for each line: whoever joins them by comma cannot know that the grammar of a
 * header he has never heard of allows it (RFC 3261 §7.3.1), and that of Identity has no use for it (RFC 8224 §4).
 */
export function fieldsOf(raw: string, name: string): string[] {
  const wanted = name.toLowerCase()
  const end = raw.indexOf('\r\n\r\n')
  const head = (end === -1 ? raw : raw.slice(0, end)).replace(/\r\n[ \t]+/g, ' ') // §7.3.1: a folded line is one.
  const values: string[] = []
  for (const line of head.split('\r\n')) {
    const colon = line.indexOf(':')
    if (line.slice(0, colon).trim().toLowerCase() === wanted) values.push(line.slice(colon + 1).trim())
  }
  return values
}

function unquotedIndexOf(value: string, wanted: string): number {
  let inQuote = false
  for (let i = 0; i < value.length; i++) {
    const c = value[i]
    if (c === '"' && value[i - 1] !== '\\') inQuote = !inQuote
    else if (!inQuote && c === wanted) return i
  }
  return -1
}
