import { DER, expectTag, readAscii, readDer, readDerList, readObjectId, tagged } from './der.ts'
import { readTnAuthList, type TnAuthList } from './tn-auth-list.ts'

/** What a certificate's extensions say to STIR. */
export interface StirExtensions {
  /** Null: it names nobody it may speak for. */
  readonly tnAuthList: TnAuthList | null
  readonly claims: ClaimConstraints
  /** How many authorities may stand between it and a signer (RFC 5280 §4.2.1.9); null: any number. */
  readonly maxBelow: number | null
}

/** What PASSporTs of a certificate must say, and may (RFC 8226 §8, RFC 9118 §4). Empty: as they like. */
export interface ClaimConstraints {
  readonly mustInclude: readonly string[]
  readonly mustExclude: readonly string[]
  /** For each claim, the values it may have. */
  readonly permitted: ReadonlyMap<string, readonly string[]>
}

const NO_CONSTRAINTS: ClaimConstraints = { mustInclude: [], mustExclude: [], permitted: new Map() }

const TN_AUTH_LIST = '1.3.6.1.5.5.7.1.26'
const BASIC_CONSTRAINTS = '2.5.29.19'
const CLAIM_CONSTRAINTS = '1.3.6.1.5.5.7.1.27'
const ENHANCED_CLAIM_CONSTRAINTS = '1.3.6.1.5.5.7.1.33'

/** Critical ones that are heeded here or by OpenSSL; any other makes a certificate unusable (RFC 5280 §4.2). */
const HEEDED = new Set([
  TN_AUTH_LIST,
  CLAIM_CONSTRAINTS,
  ENHANCED_CLAIM_CONSTRAINTS,
  '2.5.29.14', // subjectKeyIdentifier
  '2.5.29.15', // keyUsage
  '2.5.29.17', // subjectAltName
  BASIC_CONSTRAINTS,
  '2.5.29.32', // certificatePolicies
  '2.5.29.35', // authorityKeyIdentifier
  '2.5.29.37', // extKeyUsage
])

/** Reads those of a certificate in DER. Throws DerError, also for a critical extension that is not heeded. */
export function readStirExtensions(certificate: Uint8Array): StirExtensions {
  let tnAuthList: TnAuthList | null = null
  let claims = NO_CONSTRAINTS
  let maxBelow: number | null = null
  for (const { id, isCritical, value } of extensionsOf(certificate)) {
    if (isCritical && !HEEDED.has(id)) throw new Error(`a critical extension ${id} that is not known here`)
    if (id === TN_AUTH_LIST) tnAuthList = readTnAuthList(value)
    else if (id === BASIC_CONSTRAINTS) maxBelow = readPathLength(value)
    else if (id === CLAIM_CONSTRAINTS || id === ENHANCED_CLAIM_CONSTRAINTS) claims = readClaimConstraints(value)
  }
  return { tnAuthList, claims, maxBelow }
}

function readPathLength(value: Uint8Array): number | null {
  const length = readDerList(readDer(value, DER.sequence).content).find(({ tag }) => tag === DER.integer)
  return length === undefined ? null : length.content.reduce((sum, byte) => sum * 256 + byte, 0)
}

interface Extension {
  readonly id: string
  readonly isCritical: boolean
  readonly value: Uint8Array
}

/** RFC 5280 §4.1: the certificate's first part holds them, at its end, as [3]. */
function extensionsOf(certificate: Uint8Array): Extension[] {
  const [tbs] = readDerList(readDer(certificate, DER.sequence).content)
  const fields = readDerList(expectTag(tbs, DER.sequence).content)
  const holder = fields.find(({ tag }) => tag === tagged(3))
  return holder === undefined ? [] : readExtensions(readDer(holder.content, DER.sequence).content)
}

/** A list of extensions, of a certificate or of an entry of a CRL. */
export function readExtensions(content: Uint8Array): Extension[] {
  return readDerList(content).map((each) => {
    const [id, second, third] = readDerList(expectTag(each, DER.sequence).content)
    const isCritical = second?.tag === DER.boolean && second.content[0] !== 0
    const value = expectTag(second?.tag === DER.boolean ? third : second, DER.octetString).content
    return { id: readObjectId(expectTag(id, DER.objectId).content), isCritical, value }
  })
}

function readClaimConstraints(value: Uint8Array): ClaimConstraints {
  let constraints = NO_CONSTRAINTS
  for (const { tag, content } of readDerList(readDer(value, DER.sequence).content)) {
    if (tag === tagged(0)) constraints = { ...constraints, mustInclude: readNames(content) }
    else if (tag === tagged(1)) constraints = { ...constraints, permitted: readPermitted(content) }
    else if (tag === tagged(2)) constraints = { ...constraints, mustExclude: readNames(content) }
  }
  return constraints
}

function readNames(content: Uint8Array): string[] {
  return readDerList(readDer(content, DER.sequence).content).map((name) =>
    readAscii(expectTag(name, DER.ia5String).content),
  )
}

function readPermitted(content: Uint8Array): Map<string, string[]> {
  const values = new Map<string, string[]>()
  for (const each of readDerList(readDer(content, DER.sequence).content)) {
    const [claim, list] = readDerList(expectTag(each, DER.sequence).content)
    const permitted = readDerList(expectTag(list, DER.sequence).content).map((one) =>
      Buffer.from(expectTag(one, DER.utf8String).content).toString('utf8'),
    )
    values.set(readAscii(expectTag(claim, DER.ia5String).content), permitted)
  }
  return values
}
