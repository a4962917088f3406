/** How sure the originating carrier is of the caller's right to its number (ATIS-1000074 §5.2.3). */
export const ATTESTATIONS = ['A', 'B', 'C'] as const
export type Attestation = (typeof ATTESTATIONS)[number]

/** Reads `A`, `B` or `C`, in either case; null when it is none of them. */
export function parseAttestation(text: string | undefined): Attestation | null {
  const wanted = text?.trim().toUpperCase()
  return ATTESTATIONS.find((one) => one === wanted) ?? null
}

/** Whether an attestation is `wanted` or a better one; of null: no. A says the most. */
export function isAtLeast(attestation: Attestation | null, wanted: Attestation): boolean {
  return attestation !== null && attestation <= wanted
}

/** What a request without a signature that can be trusted may be told (RFC 8224 §6.2.2). */
export type StirStatus = 403 | 428 | 436 | 437 | 438

/** Its reason phrases, which are part of the standard. */
export const STIR_PHRASES: Readonly<Record<StirStatus, string>> = {
  403: 'Stale Date',
  428: 'Use Identity Header',
  436: 'Bad Identity Info',
  437: 'Unsupported Credential',
  438: 'Invalid Identity Header',
}

/** What became of the signature a call came with, as its record keeps it. */
export interface StirResult {
  /** `none`: it came without one that is known here. */
  readonly verdict: 'passed' | 'failed' | 'none'
  /** What its first carrier attests; null unless it passed, and where the signature says nothing of it. */
  readonly attestation: Attestation | null
  /** Whom its first carrier had it from, in that carrier's own words. */
  readonly origId: string | null
  /** Who signed: a service provider code, or the certificate's subject. */
  readonly signer: string | null
  /** Why it failed; null when it did not. */
  readonly status: StirStatus | null
  readonly detail: string
}

/** What buyers are told of it in From and P-Asserted-Identity: nothing; the verdict; the verdict with the attestation. */
export const VERSTATS = ['off', 'plain', 'attested'] as const
export type VerstatPolicy = (typeof VERSTATS)[number]
