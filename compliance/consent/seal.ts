import { createHash } from 'node:crypto'
import type { Consent, ConsentRecord } from '../../model/consent.ts'

type Unsealed = Omit<Consent, 'hash'>

/** SHA-256 of a text, in hex. */
export function sha256Hex(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex')
}

/**
 * The text whose SHA-256 is a version's hash: a line of what version it is and the hash of the one before, then the record as JSON with
 * its keys in alphabetical order at every level and no blanks (RFC 8785 §3.2). Whoever has it can make the hash again without us.
 */
export function sealedText({ id, version, deed, at, by, previousHash, ...record }: Unsealed): string {
  const head = ['dce consent', id, version, deed, at.toISOString(), by, previousHash ?? '-'].join(' ')
  return `${head}\n${inOrder(recordOf(record))}`
}

/** A version with its hash. */
export function seal(version: Unsealed): Consent {
  return { ...version, hash: sha256Hex(sealedText(version)) }
}

/** What is wrong with these versions of one consent, oldest first, in a sentence each; nothing: they are as they were made. */
export function sealFaults(versions: readonly Consent[]): string[] {
  const faults: string[] = []
  let before: Consent | null = null
  for (const version of versions) {
    const { hash, ...unsealed } = version
    const name = `version ${version.version}`
    if (sha256Hex(sealedText(unsealed)) !== hash) faults.push(`${name}: its contents are not those it was made of`)
    if (version.version !== (before?.version ?? 0) + 1) faults.push(`${name}: those before it are missing`)
    else if (version.previousHash !== (before?.hash ?? null))
      faults.push(`${name}: does not follow from the one before`)
    if (sha256Hex(version.disclosure) !== version.disclosureSha256)
      faults.push(`${name}: the disclosure is not the one that was hashed`)
    if (version.shown !== null && sha256Hex(version.shown) !== version.shownSha256)
      faults.push(`${name}: what was shown is not what was hashed`)
    before = version
  }
  return faults
}

/** What a consent is known again by, when it is handed in twice: who said what to whom, when and where. */
export function fingerprintOf(record: ConsentRecord): string {
  const { number, givenAt, sellers, disclosureSha256, channels, purpose, pageUrl, certificates } = record
  const tokens = certificates.map(({ kind, token }) => `${kind} ${token}`)
  const names = sellers.map(({ name, accountId }) => [name, accountId])
  const parts = [number, givenAt, names, disclosureSha256, channels, purpose, pageUrl, tokens]
  return sha256Hex(JSON.stringify(parts))
}

/** The record's own fields, whatever else the object has. */
function recordOf(record: Omit<Unsealed, 'id' | 'version' | 'deed' | 'at' | 'by' | 'previousHash'>): ConsentRecord {
  const { hash: _, ...rest } = record as ConsentRecord & { hash?: string }
  return rest
}

function inOrder(value: unknown): string {
  return JSON.stringify(value, (_key, each: unknown) =>
    typeof each === 'object' && each !== null && !Array.isArray(each)
      ? Object.fromEntries(Object.entries(each).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : each,
  )
}
