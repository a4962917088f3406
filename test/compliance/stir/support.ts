import { signCall } from '../../../compliance/stir/sign.ts'
import {
  readSigningCertificate,
  TrustedRoots,
  type CertificateFault,
  type SigningCertificate,
} from '../../../compliance/stir/signing-certificate.ts'
import type { RevokedCertificates } from '../../../compliance/stir/revoked-certificates.ts'
import {
  certificateUrls,
  judgeIdentities,
  readIdentities,
  type SignedRequest,
  type Verification,
} from '../../../compliance/stir/verify.ts'
import type { Attestation } from '../../../model/compliance-rule.ts'
import { makeStirCertificate, makeStirRoot, type MadeCertificate } from '../../support/stir-certificates.ts'

export const NOW_MS = Date.now()
export const CALLER = '12155550142'
export const CALLEE = '18005550100'
export const URL = 'https://certs.example/709j.pem'
export const ORIG_ID = '7a1c9f9e-92b8-4b6e-8c0f-2f6b7f1f0c11'
export const FRESH_MS = 60_000

/** The request that `signedBy` signs. */
export const REQUEST: SignedRequest = {
  callers: [CALLER],
  callees: [CALLEE],
  dateS: Math.floor(NOW_MS / 1000),
  nowMs: NOW_MS,
}

export const root = makeStirRoot()
export const signer = makeStirCertificate({ issuer: root })
const roots = new TrustedRoots([root.x509])

/** An Identity header of that call. */
export function signedBy(
  certificate: MadeCertificate,
  { attestation = 'A', url = URL, nowMs = NOW_MS }: { attestation?: Attestation; url?: string; nowMs?: number } = {},
): string {
  const call = { caller: CALLER, callee: { tn: CALLEE }, attestation, origId: ORIG_ID, nowMs }
  return signCall({ key: certificate.key, certificateUrl: url }, call)
}

/** As the gateway does it: what each URL of `published` answers. */
export function verify(
  fields: readonly string[],
  {
    request = REQUEST,
    published = { [URL]: signer.pem },
    revoked = null,
  }: {
    request?: SignedRequest
    published?: Readonly<Record<string, string>>
    revoked?: RevokedCertificates | null
  } = {},
): Verification {
  const read = readIdentities(fields, request, FRESH_MS)
  const certificates = new Map<string, SigningCertificate | CertificateFault>()
  for (const url of certificateUrls(read)) {
    const pem = published[url]
    const missing: CertificateFault = { status: 436, detail: 'nothing is there' }
    certificates.set(url, pem === undefined ? missing : readSigningCertificate(pem, roots))
  }
  return judgeIdentities(read, (url) => certificates.get(url)!, request.nowMs, revoked)
}

/** What the carrier would hear, or `passed` with the attestation. */
export function said(...asked: Parameters<typeof verify>): string {
  const { verdict, status, attestation } = verify(...asked).result
  return verdict === 'failed' ? String(status) : `${verdict} ${attestation}`
}
