import type { StirResult, VerstatPolicy } from '../../model/stir.ts'

const WORDS = { passed: 'TN-Validation-Passed', failed: 'TN-Validation-Failed', none: 'No-TN-Validation' } as const

/**
 * What the number in From and P-Asserted-Identity carries (3GPP TS 24.229 §7.2A.20): `;verstat=…`, with the attestation at its end under `attested`, as some
 * carriers have it. '' where nothing is said.
 */
export function verstatOf(policy: VerstatPolicy, result: Pick<StirResult, 'verdict' | 'attestation'> | null): string {
  if (policy === 'off' || result === null) return ''
  const word = WORDS[result.verdict]
  return policy === 'attested' && result.attestation !== null
    ? `;verstat=${word}-${result.attestation}`
    : `;verstat=${word}`
}
