import { STIR_PHRASES, type StirResult, type StirStatus } from '../../model/stir.ts'
import { MAX_IDENTITIES, parseIdentityHeader, type IdentityHeader } from './identity-header.ts'
import { expandCompact, isCompact, isSignedBy, readPassport, type Passport, type PassportParty } from './passport.ts'
import type { RevokedCertificates } from './revoked-certificates.ts'
import { faultAt, isFault, type CertificateFault, type SigningCertificate } from './signing-certificate.ts'
import { speaksFor } from './tn-auth-list.ts'

/** What a request says beside its Identity headers. Numbers are canonical (RFC 8224 §8.3). */
export interface SignedRequest {
  /** Of P-Asserted-Identity, or From: any of them may be the signed one. */
  readonly callers: readonly string[]
  /** Of To, and of what was dialled. */
  readonly callees: readonly string[]
  /** Its Date, in seconds since the epoch, which a compact form leaves out; null: there is none. */
  readonly dateS: number | null
  readonly nowMs: number
}

/** A PASSporT of the request, and those that have taken it to this callee since (RFC 8946 §4.2), the first diversion first. */
export interface Assertion {
  readonly passport: Passport
  readonly diversions: readonly Passport[]
}

/** What there is to check, before any certificate is looked at. */
export interface ReadIdentities {
  readonly assertions: readonly Assertion[]
  /** Why the first of its Identity headers that could not be used could not; null: all can. */
  readonly fault: Fault | null
}

/** What became of it; the assertion that passed is what a diversion of our own builds upon. */
export interface Verification {
  readonly result: StirResult
  readonly assertion: Assertion | null
}

interface Fault {
  readonly status: StirStatus
  readonly detail: string
}

/** PASSporTs that say who is calling. Those of other kinds (`rcd`, `rph`) say other things, and are passed over (RFC 8224 §6.2). */
const CALLER_KINDS: readonly (string | null)[] = ['shaken', null]
/** So many signatures of one call are judged, until one holds. */
const MAX_ASSERTIONS = 4

/**
 * Reads the Identity headers of a request and keeps those assertions that are about this caller, this callee and this minute: no other's
 * certificate is worth the fetching. `freshMs`: how far an `iat` may be from now.
 */
export function readIdentities(fields: readonly string[], request: SignedRequest, freshMs: number): ReadIdentities {
  const passports: Passport[] = []
  let fault: Fault | null = null
  for (const field of fields.slice(0, MAX_IDENTITIES)) {
    const read = readOne(field, request)
    if (read === null) continue
    if ('status' in read) fault ??= read
    else passports.push(read)
  }
  const diversions = passports.filter(({ ppt }) => ppt === 'div')
  const assertions: Assertion[] = []
  for (const passport of passports) {
    if (!CALLER_KINDS.includes(passport.ppt)) continue
    const path = pathTo(passport, diversions, request.callees)
    const wrong =
      staleness([passport], request.nowMs, freshMs) ??
      (tellsOf([passport.orig], request.callers) ? null : invalid('its orig is not who is calling')) ??
      (path === null ? invalid('its dest is not who is called') : staleness(path, request.nowMs, freshMs))
    if (wrong) fault ??= wrong
    else assertions.push({ passport, diversions: path! })
  }
  if (diversions.length > 0 && diversions.length === passports.length)
    fault ??= invalid('it diverts a call that nobody has signed')
  return { assertions: assertions.slice(0, MAX_ASSERTIONS), fault }
}

/** The URLs of the certificates that judging needs, each once: at most one for each header that is read. */
export function certificateUrls({ assertions }: ReadIdentities): readonly string[] {
  const passports = assertions.flatMap(({ passport, diversions }) => [passport, ...diversions])
  return [...new Set(passports.map(({ x5u }) => x5u))]
}

/** Whether one of the assertions holds, by these certificates: the first that does counts, and if none does, the first that does not. */
export function judgeIdentities(
  { assertions, fault }: ReadIdentities,
  certificateOf: (url: string) => SigningCertificate | CertificateFault,
  nowMs: number,
  revoked: RevokedCertificates | null,
): Verification {
  let first = fault
  for (const assertion of assertions) {
    const wrong = faultOf(assertion, certificateOf, nowMs, revoked)
    if (wrong === null) return { result: passed(assertion, certificateOf), assertion }
    first ??= wrong
  }
  return { result: first === null ? NONE : failed(first), assertion: null }
}

const NONE: StirResult = {
  verdict: 'none',
  attestation: null,
  origId: null,
  signer: null,
  status: null,
  detail: 'no Identity header',
}

function passed(
  { passport, diversions }: Assertion,
  certificateOf: (url: string) => SigningCertificate | CertificateFault,
): StirResult {
  const certificate = certificateOf(passport.x5u)
  return {
    verdict: 'passed',
    attestation: passport.attest,
    origId: passport.origId,
    signer: isFault(certificate) ? null : certificate.signer,
    status: null,
    detail: diversions.length === 0 ? 'the signature is good' : `good, diverted ${diversions.length} times`,
  }
}

function failed({ status, detail }: Fault): StirResult {
  const said = `${STIR_PHRASES[status]}: ${detail}`
  return { verdict: 'failed', attestation: null, origId: null, signer: null, status, detail: said }
}

/** A PASSporT; why it is none; null for a kind that says nothing of callers. */
function readOne(field: string, request: SignedRequest): Passport | Fault | null {
  const header = parseIdentityHeader(field)
  if (!header) return invalid('it cannot be read')
  if (!isOurs(header.ppt)) return null
  if (header.alg !== null && header.alg !== 'ES256') return { status: 437, detail: 'its alg is not ES256' }
  const token = isCompact(header.token) ? expand(header, request) : header.token
  if (typeof token !== 'string') return token
  const passport = readPassport(token)
  if (typeof passport === 'string') return invalid(passport)
  if (!isOurs(passport.ppt)) return null
  if (passport.alg !== 'ES256') return { status: 437, detail: 'its alg is not ES256' }
  if (header.ppt !== null && header.ppt !== passport.ppt) return invalid('its ppt is not that of its PASSporT')
  if (header.info !== passport.x5u) return invalid('its info is not the x5u of its PASSporT')
  return passport
}

/** The claims of `shaken` and `div` cannot be told from a request: they come in full form (RFC 8224 §4.1.1, RFC 8946 §4.1). */
function expand({ token, info, ppt }: IdentityHeader, { callers, callees, dateS }: SignedRequest): string | Fault {
  if (ppt !== null) return invalid(`${ppt} in compact form`)
  const [caller] = callers
  const [callee] = callees
  if (caller === undefined || callee === undefined || dateS === null)
    return invalid('it is in compact form, and the request does not say the rest')
  return expandCompact(token, info, { dest: { tn: [callee] }, iat: dateS, orig: { tn: caller } })
}

function isOurs(ppt: string | null): boolean {
  return ppt === 'div' || CALLER_KINDS.includes(ppt)
}

/** The diversions that lead from whom the PASSporT was for to whom the call is for now; none where it is the same; null: they do not. */
function pathTo(
  { dest, orig }: Passport,
  diversions: readonly Passport[],
  callees: readonly string[],
): Passport[] | null {
  const path: Passport[] = []
  let at = dest
  while (!tellsOf(at, callees)) {
    const next = diversions.find(
      (each) => !path.includes(each) && isSame(each.orig, orig) && at.some((party) => isSame(party, each.div!)),
    )
    if (!next) return null
    path.push(next)
    at = next.dest
  }
  return path
}

function staleness(passports: readonly Passport[], nowMs: number, freshMs: number): Fault | null {
  const isStale = passports.some(({ iat }) => Math.abs(nowMs - iat * 1000) > freshMs)
  return isStale ? { status: 403, detail: `its iat is not within ${freshMs / 1000} s of now` } : null
}

function faultOf(
  { passport, diversions }: Assertion,
  certificateOf: (url: string) => SigningCertificate | CertificateFault,
  nowMs: number,
  revoked: RevokedCertificates | null,
): Fault | null {
  for (const each of [passport, ...diversions]) {
    const certificate = certificateOf(each.x5u)
    if (isFault(certificate)) return certificate
    const fault = faultAt(certificate, nowMs, revoked)
    if (fault) return fault
    // A diversion is signed by whoever the call was for (RFC 8946 §3).
    if (!maySign(certificate, each.div ?? each.orig))
      return { status: 437, detail: 'its certificate does not speak for the number' }
    if (!isWithin(each, certificate)) return invalid('its certificate does not allow its claims')
    if (!isSignedBy(each, certificate.key)) return invalid('its signature is wrong')
  }
  return null
}

function maySign({ tnAuthList }: SigningCertificate, party: PassportParty): boolean {
  return 'tn' in party && speaksFor(tnAuthList, party.tn)
}

/** The limits of the certificate on what its PASSporTs may say (RFC 8226 §8, RFC 9118 §4). */
function isWithin({ attest, origId, otherClaims }: Passport, { claims }: SigningCertificate): boolean {
  const said: Record<string, unknown> = {
    ...otherClaims,
    ...(attest !== null && { attest }),
    ...(origId !== null && { origid: origId }),
  }
  if (claims.mustInclude.some((claim) => !Object.hasOwn(said, claim))) return false
  if (claims.mustExclude.some((claim) => Object.hasOwn(said, claim))) return false
  for (const [claim, permitted] of claims.permitted) {
    const value = said[claim]
    if (value !== undefined && !(typeof value === 'string' && permitted.includes(value))) return false
  }
  return true
}

function tellsOf(parties: readonly PassportParty[], numbers: readonly string[]): boolean {
  return parties.some((party) => 'tn' in party && numbers.includes(party.tn))
}

function isSame(a: PassportParty, b: PassportParty): boolean {
  return 'tn' in a ? 'tn' in b && a.tn === b.tn : 'uri' in b && a.uri === b.uri
}

function invalid(detail: string): Fault {
  return { status: 438, detail }
}
