import { RevokedCertificates } from '../../compliance/stir/revoked-certificates.ts'
import { signCall, signDiversion } from '../../compliance/stir/sign.ts'
import { isFault, readSigningCertificate, TrustedRoots } from '../../compliance/stir/signing-certificate.ts'
import { certificateUrls, judgeIdentities, readIdentities } from '../../compliance/stir/verify.ts'
import { makeCrl, makeStirCertificate, makeStirRoot } from '../support/stir-certificates.ts'
import type { BenchResult } from './bench-result.ts'

const RUNS = 4_000
const WARM = 500
const CALLER = '12155550142'
const CALLEE = '18005550100'
const NEXT = '18885550177'
const URL = 'https://certs.example/709j.pem'
const REVOKED = 1_000

/** A signature verified with its certificate known (a chain of three, a list of 1,000 revoked ones), with and without a diversion; and made. */
export async function run(): Promise<BenchResult[]> {
  const root = makeStirRoot()
  const between = makeStirCertificate({ issuer: root, name: 'Between', isAuthority: true, tnAuthList: null })
  const signer = makeStirCertificate({ issuer: between })
  const pem = signer.pem + between.pem
  const roots = new TrustedRoots([root.x509])
  const certificate = readSigningCertificate(pem, roots)
  if (isFault(certificate)) throw new Error(certificate.detail)
  const serials = Array.from({ length: REVOKED }, (_, i) => ({ serial: (0x100000 + i).toString(16).padStart(6, '0') }))
  const revoked = new RevokedCertificates(makeCrl(root, serials), [root.x509])
  const nowMs = Date.now()
  const ours = { key: signer.key, certificateUrl: URL }
  const call = { caller: CALLER, callee: { tn: CALLEE }, attestation: 'A' as const, origId: 'a', nowMs }
  const last = { orig: { tn: CALLER }, iat: Math.floor(nowMs / 1000) }
  const sign = (): string => signCall(ours, call)
  const divert = (): string => signDiversion(ours, last, { tn: CALLEE }, { tn: NEXT })
  const verifier =
    (fields: readonly string[], callee: string): (() => void) =>
    () => {
      const request = { callers: [CALLER], callees: [callee], dateS: null, nowMs }
      const read = readIdentities(fields, request, 60_000)
      certificateUrls(read)
      const { result } = judgeIdentities(read, () => certificate, nowMs, revoked)
      if (result.verdict !== 'passed') throw new Error(result.detail)
    }
  const shaken = sign()
  return Promise.resolve([
    measure(
      'stir.verify',
      `certificate known, ${REVOKED} revoked ones; to be at most 300 us`,
      verifier([shaken], CALLEE),
    ),
    measure('stir.verify-diverted', 'shaken and div: two signatures', verifier([shaken, divert()], NEXT)),
    measure('stir.sign', 'shaken', sign),
    measure('stir.divert', 'div', divert),
    measure('stir.certificate', 'read, and its chain of three proven: once for each certificate', () => {
      if (isFault(readSigningCertificate(pem, roots))) throw new Error('the certificate is not trusted')
    }),
  ])
}

function measure(name: string, detail: string, work: () => void): BenchResult {
  for (let at = 0; at < WARM; at++) work()
  const before = process.cpuUsage()
  for (let at = 0; at < RUNS; at++) work()
  const { user, system } = process.cpuUsage(before)
  return { name, value: (user + system) / RUNS, unit: 'us', detail: `${detail}; CPU time, mean of ${RUNS}` }
}
