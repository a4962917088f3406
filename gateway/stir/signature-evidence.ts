import { canonicalNumber } from '../../compliance/stir/canonical-number.ts'
import type { RevokedCertificates } from '../../compliance/stir/revoked-certificates.ts'
import type { CertificateFault, SigningCertificate } from '../../compliance/stir/signing-certificate.ts'
import {
  certificateUrls,
  judgeIdentities,
  readIdentities,
  type ReadIdentities,
  type SignedRequest,
  type Verification,
} from '../../compliance/stir/verify.ts'
import type { CheckRecord } from '../../model/cdr.ts'
import { STIR_PHRASES, type StirResult, type StirStatus } from '../../model/stir.ts'
import type { Arrival, ArrivedInvite } from '../screening/arrival.ts'
import type { Contribution, Evidence } from '../screening/evidence.ts'
import type { Certificates } from './certificates.ts'

export interface SignaturePolicy {
  /** Calls with a wrong signature are refused. */
  readonly enforces: boolean
  /** And those without one. */
  readonly refusesMissing: boolean
  readonly freshMs: number
  /** How long a call waits for certificates. */
  readonly deadlineMs: number
}

interface SignatureNeeds {
  readonly policy: SignaturePolicy
  readonly certificates: Pick<Certificates, 'find'>
  readonly revoked: () => RevokedCertificates | null
  readonly now: () => number
  readonly onVerified: (result: StirResult) => void
}

type Found = SigningCertificate | CertificateFault

/** Beyond our own deadline: that of screening never comes first. */
const GRACE_MS = 500
const LATE: CertificateFault = { status: 436, detail: 'its certificate was not there in time' }

/**
 * The signature a call comes with, as evidence of screening (RFC 8224 §6.2): its attestation is what rules judge by, and a wrong one refuses the call
 * where the operator enforces that. Synchronous when every certificate is known; without signature there is nothing to wait for.
 */
export function signatureEvidence(needs: SignatureNeeds): Evidence {
  const { policy } = needs
  return {
    name: 'signature',
    order: 'before-law',
    deadlineMs: policy.deadlineMs + GRACE_MS,
    onFailure: 'allow',
    keepsFromBuyers: true,
    gather(arrival: Arrival): Contribution | Promise<Contribution> | null {
      const { invite } = arrival
      if (invite === null) return null
      const nowMs = needs.now()
      const read = readIdentities(invite.caller.fields('Identity'), requestOf(invite, arrival, nowMs), policy.freshMs)
      const judge = (found: ReadonlyMap<string, Found>): Contribution => {
        const verification = judgeIdentities(read, (url) => found.get(url) ?? LATE, nowMs, needs.revoked())
        needs.onVerified(verification.result)
        return contributionOf(verification, policy)
      }
      const found = collect(read, needs)
      return found instanceof Promise ? found.then(judge) : judge(found)
    },
  }
}

/**
 * What the request says of itself. The caller is who the call is taken to be from, and nobody else that it names: else the signature of one would
 * speak for another. Called are To, and what was dialled.
 */
function requestOf({ caller }: ArrivedInvite, { ani, number }: Arrival, nowMs: number): SignedRequest {
  const callers = ani === null ? caller.identityUris.map((uri) => canonicalNumber(uri)) : [ani.slice(1)]
  const callees = [canonicalNumber(caller.toUri), number.number.slice(1)]
  const date = Date.parse(caller.header('Date') ?? '')
  return {
    callers: callers.filter((one) => one !== null),
    callees: callees.filter((one) => one !== null),
    dateS: Number.isNaN(date) ? null : Math.floor(date / 1000),
    nowMs,
  }
}

/** The certificates of all that is to be judged; those that are not there by the deadline are missing. */
function collect(
  read: ReadIdentities,
  { certificates, policy }: SignatureNeeds,
): Map<string, Found> | Promise<Map<string, Found>> {
  const found = new Map<string, Found>()
  const awaited: Promise<void>[] = []
  for (const url of certificateUrls(read)) {
    const certificate = certificates.find(url)
    if (certificate instanceof Promise) awaited.push(certificate.then((one) => void found.set(url, one)))
    else found.set(url, certificate)
  }
  if (awaited.length === 0) return found
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer)
      resolve(found)
    }
    const timer = setTimeout(end, policy.deadlineMs)
    void Promise.all(awaited).then(end)
  })
}

function contributionOf(signature: Verification, { enforces, refusesMissing }: SignaturePolicy): Contribution {
  const { result } = signature
  const request = { attestation: result.attestation, signature }
  const isRefused = enforces && (result.verdict === 'failed' || (result.verdict === 'none' && refusesMissing))
  if (!isRefused) return { request, checks: [checkOf(result, result.verdict === 'failed' ? 'advisory' : 'allow')] }
  const status: StirStatus = result.status ?? 428
  const refused: StirResult = { ...result, status }
  return {
    request: { ...request, signature: { ...signature, result: refused } },
    checks: [checkOf(refused, 'block')],
    refusal: {
      reason: 'signature',
      text: STIR_PHRASES[status],
      status,
      headers: { Reason: `STIR;cause=${status};text="${STIR_PHRASES[status]}"` }, // RFC 9410 §3
    },
  }
}

function checkOf(
  { verdict, attestation, signer, status, detail }: StirResult,
  effect: CheckRecord['effect'],
): CheckRecord {
  const rule = status === null ? 'signature' : `signature:${status}`
  const by = verdict === 'passed' ? `, attestation ${attestation ?? 'none'}, signed by ${signer ?? 'nobody'}` : ''
  return { check: 'signature', effect, rule, source: 'RFC 8224 §6.2.2', detail: `${detail}${by}` }
}
