import { verify, type X509Certificate } from 'node:crypto'
import { readExtensions } from './certificate-extensions.ts'
import { DER, DerError, expectTag, readDer, readDerList, readObjectId, readTime, tagged, type DerValue } from './der.ts'

/** Entries of all lists together: the policy administrator's has some hundreds. */
const MAX_REVOKED = 1_000_000
/** certificateIssuer (RFC 5280 §5.3.3): from this entry on, whose certificate it is, where the list is another's. */
const CERTIFICATE_ISSUER = '2.5.29.29'
const ISSUING_POINT = '2.5.29.28'
const HEEDED = new Set([CERTIFICATE_ISSUER, ISSUING_POINT, '2.5.29.20', '2.5.29.35'])
const DIGESTS: Readonly<Record<string, string>> = {
  '1.2.840.10045.4.3.2': 'sha256',
  '1.2.840.10045.4.3.3': 'sha384',
  '1.2.840.113549.1.1.11': 'sha256',
}
const BLOCK = /-----BEGIN X509 CRL-----([A-Za-z0-9+/=\s]+)-----END X509 CRL-----/g

/**
 * Certificates that were taken back, by lists in PEM (RFC 5280 §5); also those of one that speaks for other issuers, as the policy
 * administrator's does (ATIS-1000080). A list must be signed by one of `signers`.
 */
export class RevokedCertificates {
  readonly #revoked = new Set<string>()
  readonly #maxRevoked: number
  /** When the first of its lists should have been replaced, ms since the epoch; infinite: no list says. */
  readonly nextUpdateMs: number

  /** Throws DerError for what is no list, is signed by nobody of `signers`, or says what is not understood here. */
  constructor(pem: string, signers: readonly X509Certificate[], maxRevoked = MAX_REVOKED) {
    this.#maxRevoked = maxRevoked
    let next = Infinity
    let lists = 0
    for (const [, body] of pem.matchAll(BLOCK)) {
      lists++
      next = Math.min(next, this.#read(Buffer.from(body!, 'base64'), signers))
    }
    if (lists === 0) throw new DerError('no revocation list')
    this.nextUpdateMs = next
  }

  get size(): number {
    return this.#revoked.size
  }

  has(certificate: X509Certificate): boolean {
    const [tbs] = readDerList(readDer(certificate.raw, DER.sequence).content)
    const fields = readDerList(expectTag(tbs, DER.sequence).content)
    const [serial, , issuer] = fields[0]?.tag === tagged(0) ? fields.slice(1) : fields
    return this.#revoked.has(keyOf(expectTag(issuer, DER.sequence), expectTag(serial, DER.integer)))
  }

  /** Its nextUpdate. */
  #read(der: Buffer, signers: readonly X509Certificate[]): number {
    const [tbs, algorithm, mark] = readDerList(readDer(der, DER.sequence).content)
    const list = expectTag(tbs, DER.sequence)
    requireSigned(list, expectTag(algorithm, DER.sequence), expectTag(mark, DER.bitString), signers)
    const fields = readDerList(list.content)
    const [, issuer, , ...rest] = fields[0]?.tag === DER.integer ? fields.slice(1) : fields
    let next = Infinity
    for (const field of rest) {
      if (field.tag === DER.utcTime || field.tag === DER.generalizedTime) next = readTime(field)
      else if (field.tag === DER.sequence) this.#readEntries(field, expectTag(issuer, DER.sequence))
      else if (field.tag === tagged(0)) requireHeeded(readExtensions(readDer(field.content, DER.sequence).content))
    }
    return next
  }

  #readEntries({ content }: DerValue, of: DerValue): void {
    let issuer = of
    for (const entry of readDerList(content)) {
      const [serial, , extensions] = readDerList(expectTag(entry, DER.sequence).content)
      const said = extensions === undefined ? [] : readExtensions(expectTag(extensions, DER.sequence).content)
      requireHeeded(said)
      const other = said.find(({ id }) => id === CERTIFICATE_ISSUER)
      if (other) issuer = nameIn(other.value)
      if (this.#revoked.size >= this.#maxRevoked) throw new DerError('a revocation list too long')
      this.#revoked.add(keyOf(issuer, expectTag(serial, DER.integer)))
    }
  }
}

/** A list that leaves something out by an extension that is not understood is no list (RFC 5280 §5.2). */
function requireHeeded(extensions: readonly { readonly id: string; readonly isCritical: boolean }[]): void {
  const unknown = extensions.find(({ id, isCritical }) => isCritical && !HEEDED.has(id))
  if (unknown) throw new DerError(`a critical extension ${unknown.id} that is not known here`)
}

/** The directoryName in GeneralNames. */
function nameIn(value: Uint8Array): DerValue {
  const named = readDerList(readDer(value, DER.sequence).content).find(({ tag }) => tag === tagged(4))
  return readDer(expectTag(named, tagged(4)).content, DER.sequence)
}

function requireSigned(list: DerValue, algorithm: DerValue, mark: DerValue, signers: readonly X509Certificate[]): void {
  const [id] = readDerList(algorithm.content)
  const digest = DIGESTS[readObjectId(expectTag(id, DER.objectId).content)]
  if (digest === undefined) throw new DerError('a signature of no known kind')
  const signature = mark.content.subarray(1) // After the count of unused bits, which is 0.
  const isSigned = signers.some((signer) => verify(digest, list.whole, signer.publicKey, signature))
  if (!isSigned) throw new DerError('a signature of nobody who is trusted')
}

function keyOf(issuer: DerValue, serial: DerValue): string {
  return `${Buffer.from(issuer.whole).toString('base64')} ${Buffer.from(serial.content).toString('hex')}`
}
