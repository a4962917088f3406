import { equalsIgnoreCase } from './characters.ts'
import type { Uri } from './uri.ts'

/** Parameters that never match a URI without them. Transport is not in §19.1.4's rule but in its examples. */
const DECISIVE = ['user', 'ttl', 'method', 'maddr', 'transport']

/** Whether two URIs are the same by RFC 3261 §19.1.4 (sip, sips) or RFC 3966 §4 (tel). The relation is not transitive. */
export function uriEquals(a: Uri, b: Uri): boolean {
  if (a.scheme !== b.scheme) return false
  return a.scheme === 'tel' ? telEquals(a, b) : sipEquals(a, b)
}

function sipEquals(a: Uri, b: Uri): boolean {
  // A port written out never equals one left out, even when it is the default.
  if (a.user !== b.user || a.password !== b.password || a.port !== b.port) return false
  if (!equalsIgnoreCase(a.host, b.host)) return false
  for (const [name, value] of a.params) {
    const other = b.params.get(name)
    if (other !== undefined && !equalsIgnoreCase(value, other)) return false
  }
  for (const name of DECISIVE) if (a.params.has(name) !== b.params.has(name)) return false
  return headersEqual(a, b)
}

function headersWritten(uri: Uri): string[] {
  return uri.headers.map(([name, value]) => `${name.toLowerCase()}=${value}`).toSorted()
}

/** Headers count always, in any order. */
function headersEqual(a: Uri, b: Uri): boolean {
  if (a.headers.length !== b.headers.length) return false
  const others = headersWritten(b)
  return headersWritten(a).every((header, index) => header === others[index])
}

function telEquals(a: Uri, b: Uri): boolean {
  if (dialled(a.user) !== dialled(b.user) || a.params.size !== b.params.size) return false
  for (const [name, value] of a.params) {
    const other = b.params.get(name)
    if (other === undefined || !equalsIgnoreCase(dialled(value), dialled(other))) return false
  }
  return true
}

/** The number without its visual separators. */
function dialled(number: string): string {
  return number.replace(/[-.()]/g, '').toLowerCase()
}
