import { sign, verify, type KeyObject } from 'node:crypto'
import type { Attestation } from '../../model/compliance-rule.ts'

/** Who a PASSporT speaks of (RFC 8225 §5.2.1): a canonical number, or a URI. */
export type PassportParty = { readonly tn: string } | { readonly uri: string }

/** A PASSporT as it says of itself, nothing of it believed yet. */
export interface Passport {
  /** Null: the plain one of RFC 8225. */
  readonly ppt: string | null
  readonly alg: string
  readonly x5u: string
  readonly orig: PassportParty
  readonly dest: readonly PassportParty[]
  /** Seconds since the epoch. */
  readonly iat: number
  /** Of `shaken` (RFC 8588). */
  readonly attest: Attestation | null
  readonly origId: string | null
  /** Of `div`: whom the call was for before (RFC 8946). */
  readonly div: PassportParty | null
  /** What it says besides, by name. */
  readonly otherClaims: Readonly<Record<string, unknown>>
  readonly signed: string
  readonly signature: Buffer
}

/** Claims, header fields and strings beyond these are nobody's. */
const MAX_DESTINATIONS = 50
const MAX_TEXT = 256
/** An ES256 signature is two numbers of 32 bytes (RFC 7518 §3.4). */
const SIGNATURE_BYTES = 64

/**
 * Reads a token in full form. A sentence when it is none, or says too little for its kind: `shaken` must attest and name its origin, `div` must say
 * whom the call was for.
 */
export function readPassport(token: string): Passport | string {
  const [head = '', body = '', mark = ''] = token.split('.')
  const header = readJson(head)
  const claims = readJson(body)
  const signature = readBase64(mark)
  if (!header || !claims || !signature) return 'the PASSporT cannot be read'
  const { typ, alg, ppt = null, x5u } = header
  if (typ !== 'passport') return 'its typ is not passport'
  if (typeof alg !== 'string') return 'it has no alg'
  if (typeof x5u !== 'string' || x5u.length > 2048) return 'it has no x5u'
  if (ppt !== null && typeof ppt !== 'string') return 'its ppt is no text'
  if (signature.length !== SIGNATURE_BYTES && alg === 'ES256') return 'its signature is not one of ES256'
  const { orig, dest, iat, attest = null, origid = null, div = null, ...otherClaims } = claims
  const caller = readParty(orig)
  const callees = readParties(dest)
  const before = readParty(div)
  if (!caller) return 'its orig names nobody'
  if (!callees) return 'its dest names nobody'
  if (typeof iat !== 'number' || !Number.isSafeInteger(iat) || iat < 0) return 'its iat is no time'
  if (ppt === 'shaken' && !isAttestation(attest)) return 'its attest is not A, B or C'
  if (ppt === 'shaken' && !isText(origid)) return 'it has no origid'
  if (ppt === 'div' && !before) return 'its div names nobody'
  return {
    ppt,
    alg,
    x5u,
    orig: caller,
    dest: callees,
    iat,
    attest: ppt === 'shaken' && isAttestation(attest) ? attest : null,
    origId: ppt === 'shaken' && isText(origid) ? origid : null,
    div: ppt === 'div' ? before : null,
    otherClaims,
    signed: `${head}.${body}`,
    signature,
  }
}

/** The token that a compact form stands for (RFC 8225 §7): of header and claims that the request says, in their canonical order. */
export function expandCompact(token: string, x5u: string, claims: Record<string, unknown>): string {
  return `${encodeJson({ alg: 'ES256', typ: 'passport', x5u })}.${encodeJson(claims)}.${token.slice(2)}`
}

export function isCompact(token: string): boolean {
  return token.startsWith('..')
}

/** Whether the key has signed it, by ES256: ECDSA on P-256 with SHA-256. */
export function isSignedBy({ signed, signature }: Passport, key: KeyObject): boolean {
  return verify('sha256', Buffer.from(signed, 'latin1'), { key, dsaEncoding: 'ieee-p1363' }, signature)
}

/** A new token, signed; keys come in lexicographic order and without space (RFC 8225 §9). */
export function signPassport(ppt: string, x5u: string, claims: Record<string, unknown>, key: KeyObject): string {
  const signed = `${encodeJson({ alg: 'ES256', ppt, typ: 'passport', x5u })}.${encodeJson(claims)}`
  const signature = sign('sha256', Buffer.from(signed, 'latin1'), { key, dsaEncoding: 'ieee-p1363' })
  return `${signed}.${signature.toString('base64url')}`
}

/** As claims write a party that may be several (`dest`). */
export function writeParties(parties: readonly PassportParty[]): Record<string, string[]> {
  const uri = parties.flatMap((party) => ('uri' in party ? [party.uri] : []))
  const tn = parties.flatMap((party) => ('tn' in party ? [party.tn] : []))
  return { ...(tn.length > 0 && { tn }), ...(uri.length > 0 && { uri }) }
}

/** A claim's JSON (RFC 8225 §9), where every object was written in its keys' order. */
function encodeJson(value: Record<string, unknown>): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

function readJson(part: string): Record<string, unknown> | null {
  const bytes = readBase64(part)
  if (!bytes || bytes.length === 0) return null
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'))
    return isRecord(value) ? value : null
  } catch {
    return null
  }
}

/** Base64url as RFC 7515 §2 has it, without padding; null for any other writing of the same bytes. */
function readBase64(part: string): Buffer | null {
  const bytes = Buffer.from(part, 'base64url')
  return bytes.toString('base64url') === part ? bytes : null
}

function readParty(value: unknown): PassportParty | null {
  if (!isRecord(value)) return null
  if (isText(value['tn'])) return { tn: value['tn'] }
  return isText(value['uri']) ? { uri: value['uri'] } : null
}

function readParties(value: unknown): PassportParty[] | null {
  if (!isRecord(value)) return null
  const tns = readTexts(value['tn'])
  const uris = readTexts(value['uri'])
  if (!tns || !uris || tns.length + uris.length === 0 || tns.length + uris.length > MAX_DESTINATIONS) return null
  return [...tns.map((tn) => ({ tn })), ...uris.map((uri) => ({ uri }))]
}

function readTexts(value: unknown): readonly string[] | null {
  if (value === undefined) return []
  return Array.isArray(value) && value.every(isText) ? value : null
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= MAX_TEXT
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isAttestation(value: unknown): value is Attestation {
  return value === 'A' || value === 'B' || value === 'C'
}
