import { X509Certificate, type KeyObject } from 'node:crypto'
import { readStirExtensions, type ClaimConstraints } from './certificate-extensions.ts'
import type { RevokedCertificates } from './revoked-certificates.ts'
import type { TnAuthList } from './tn-auth-list.ts'

/** A certificate that PASSporTs are checked by, its chain proven once; when it is valid is asked each time. */
export interface SigningCertificate {
  readonly key: KeyObject
  readonly tnAuthList: TnAuthList
  readonly claims: ClaimConstraints
  /** As a record names it: the service provider code, else its subject. */
  readonly signer: string
  /** Of the whole chain, ms since the epoch. */
  readonly validFromMs: number
  readonly validUntilMs: number
  /** Each of the chain but the root, to ask whether it was revoked. */
  readonly chain: readonly X509Certificate[]
}

/** The certificate is not one to trust (437), or what was fetched is none (436). */
export interface CertificateFault {
  readonly status: 436 | 437
  readonly detail: string
}

/** More certificates than these are not looked at, nor longer chains. */
const MAX_IN_FILE = 10
const MAX_CHAIN = 6
const BLOCK = /-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g

/** The certificates of a PEM text, in their order. Throws for what is no certificate. */
export function readCertificates(text: string): X509Certificate[] {
  const blocks = text.match(BLOCK) ?? []
  return blocks.map((block) => new X509Certificate(block))
}

/** Who is trusted to make certificates that may sign: the roots of the policy administrator's list, as the operator has them. */
export class TrustedRoots {
  readonly #bySubject = new Map<string, X509Certificate[]>()

  constructor(roots: readonly X509Certificate[]) {
    for (const root of roots) this.#bySubject.set(root.subject, [...(this.#bySubject.get(root.subject) ?? []), root])
  }

  get size(): number {
    return this.#bySubject.size
  }

  /** The root that has made this certificate; null: none has. A certificate that is a root itself proves nothing new, and is no signer's. */
  issuerOf(certificate: X509Certificate): X509Certificate | null {
    return this.#bySubject.get(certificate.issuer)?.find((root) => hasIssued(root, certificate)) ?? null
  }
}

/**
 * The signer's certificate in what its URL answered: first the certificate, then those between it and a root, in any order. Proven are the chain to a root,
 * that it is of a key that can sign by ES256, and for whom it may speak (RFC 8226 §3, ATIS-1000080 §6.4).
 */
export function readSigningCertificate(pem: string, roots: TrustedRoots): SigningCertificate | CertificateFault {
  let certificates: X509Certificate[]
  try {
    certificates = readCertificates(pem)
  } catch {
    return { status: 436, detail: 'what its URL answered cannot be read' }
  }
  const [leaf, ...others] = certificates
  if (!leaf) return { status: 436, detail: 'its URL answered no certificate' }
  if (certificates.length > MAX_IN_FILE) return { status: 436, detail: 'its URL answered too many certificates' }
  try {
    return prove(leaf, others, roots)
  } catch (error) {
    return unsupported(`its certificate has ${error instanceof Error ? error.message : String(error)}`)
  }
}

/** Throws for parts that cannot be read, which are read only when they are asked for: keys and extensions. */
function prove(
  leaf: X509Certificate,
  others: readonly X509Certificate[],
  roots: TrustedRoots,
): SigningCertificate | CertificateFault {
  const { publicKey } = leaf
  if (publicKey.asymmetricKeyType !== 'ec' || publicKey.asymmetricKeyDetails?.namedCurve !== 'prime256v1')
    return unsupported('its key is not one of P-256')
  const chain = chainOf(leaf, others, roots)
  if (!chain) return unsupported('its certificate comes from no trusted root')
  const { tnAuthList, claims } = readStirExtensions(leaf.raw)
  let below = 0
  for (const { raw, subject, issuer } of chain.slice(1)) {
    const { maxBelow } = readStirExtensions(raw)
    if (maxBelow !== null && below > maxBelow) return unsupported('its authority may not stand so far above it')
    if (subject !== issuer) below++ // RFC 5280 §4.2.1.9: those that renew themselves do not count.
  }
  if (!tnAuthList) return unsupported('its certificate names nobody it may speak for')
  return {
    key: publicKey,
    tnAuthList,
    claims,
    signer: (tnAuthList.codes[0] ?? leaf.subject).slice(0, 200),
    validFromMs: Math.max(...chain.map(({ validFromDate }) => validFromDate.getTime())),
    validUntilMs: Math.min(...chain.map(({ validToDate }) => validToDate.getTime())),
    chain: chain.slice(0, -1),
  }
}

/** What speaks against the certificate now; null: nothing. */
export function faultAt(
  certificate: SigningCertificate,
  nowMs: number,
  revoked: RevokedCertificates | null,
): CertificateFault | null {
  if (nowMs < certificate.validFromMs) return unsupported('its certificate is not valid yet')
  if (nowMs > certificate.validUntilMs) return unsupported('its certificate has expired')
  if (revoked && certificate.chain.some((each) => revoked.has(each)))
    return unsupported('its certificate has been revoked')
  return null
}

export function isFault(found: SigningCertificate | CertificateFault): found is CertificateFault {
  return 'status' in found
}

/** From the leaf to the root that it comes from, both included; null: to none. */
function chainOf(
  leaf: X509Certificate,
  others: readonly X509Certificate[],
  roots: TrustedRoots,
): X509Certificate[] | null {
  const chain = [leaf]
  while (chain.length < MAX_CHAIN) {
    const last = chain.at(-1)!
    const root = roots.issuerOf(last)
    if (root) return [...chain, root]
    const next = others.find((other) => !chain.includes(other) && hasIssued(other, last))
    if (!next) return null
    chain.push(next)
  }
  return null
}

/** Names, key identifiers, the right to sign certificates (RFC 5280 §4.2.1.3, §4.2.1.9) and the signature itself. */
function hasIssued(issuer: X509Certificate, certificate: X509Certificate): boolean {
  return issuer.ca && certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey)
}

function unsupported(detail: string): CertificateFault {
  return { status: 437, detail }
}
