/** One Identity header field (RFC 8224 §4). */
export interface IdentityHeader {
  /** `header.payload.signature`; the compact form leaves the first two empty. */
  readonly token: string
  /** Where the certificate is. */
  readonly info: string
  /** As the parameters say; null: they do not. The PASSporT itself says both again, but for the compact form. */
  readonly alg: string | null
  readonly ppt: string | null
}

/** Longer fields are not read: the certificate is not in it, and what else a PASSporT says is a few hundred characters. */
const MAX_FIELD = 8192

/** Of one request so many are read. */
export const MAX_IDENTITIES = 10

const TOKEN = /^[A-Za-z0-9_.-]{1,}/
const INFO = /^<([^<>\s]{1,2048})>$/
const PARAMETER = /^([A-Za-z0-9_.!%*+`'~-]+)\s*(?:=\s*("(?:[^"\\]|\\.)*"|<[^<>]*>|[^\s;"<>]+))?$/

/** Reads a field; null when it is none. Unknown parameters are passed over, one that comes twice is a fault. */
export function parseIdentityHeader(field: string): IdentityHeader | null {
  if (field.length > MAX_FIELD) return null
  const token = TOKEN.exec(field)?.[0]
  if (token === undefined || token.split('.').length !== 3) return null
  const parameters = new Map<string, string>()
  for (const part of splitParameters(field.slice(token.length))) {
    if (part === null) return null
    const [, name, value = ''] = PARAMETER.exec(part) ?? []
    if (name === undefined || parameters.has(name.toLowerCase())) return null
    parameters.set(name.toLowerCase(), value)
  }
  const info = INFO.exec(parameters.get('info') ?? '')?.[1]
  if (info === undefined) return null
  return { token, info, alg: plain(parameters.get('alg')), ppt: plain(parameters.get('ppt')) }
}

/** Writes a field in full form. */
export function printIdentityHeader(token: string, info: string, ppt: string): string {
  return `${token};info=<${info}>;alg=ES256;ppt=${ppt}`
}

/** What stands between the semicolons, which a URL in angle brackets and a quoted string may contain; null for what is no parameter. */
function* splitParameters(text: string): Generator<string | null> {
  let rest = text.trim()
  while (rest !== '') {
    const match = /^;\s*((?:[^;"<>]|"(?:[^"\\]|\\.)*"|<[^<>]*>)+)/.exec(rest)
    if (!match) return yield null
    yield match[1]!.trim()
    rest = rest.slice(match[0].length).trim()
  }
}

function plain(value: string | undefined): string | null {
  if (value === undefined) return null
  return /^"(.*)"$/.exec(value)?.[1]?.replaceAll(/\\(.)/g, '$1') ?? value
}
