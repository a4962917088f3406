import { Problem } from './problems.ts'

/** The ETag of a version. */
export function etagOf(version: number): string {
  return `"${version}"`
}

/**
 * Whether `If-Match` holds for a thing of this version (RFC 9110 §13.1.1, strong comparison): throws 412 when not. The
 * version to hand the store, so that a change in between is noticed too; null when the client did not ask.
 */
export function requireMatch(ifMatch: string | null, version: number): number | null {
  if (ifMatch === null) return null
  if (ifMatch.trim() === '*') return null
  const wanted = ifMatch.split(',').map((tag) => tag.trim())
  if (wanted.includes(etagOf(version))) return version
  throw new Problem('version_mismatch', `It is at version ${version}: read it again and repeat the change.`)
}

/** Whether `If-None-Match` names this ETag (weak comparison, RFC 9110 §13.1.2): the answer is then 304. */
export function matchesNone(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false
  return ifNoneMatch.split(',').some((tag) => tag.trim() === '*' || tag.trim().replace(/^W\//, '') === etag)
}
