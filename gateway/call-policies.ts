import type { Settings } from '../config/settings.ts'

/** What the operator has decided about signalling that the RFCs leave to whoever runs a B2BUA. */
export interface CallPolicies {
  /** Final statuses of a buyer that end the call, where its campaign does not say itself. */
  readonly stopCodes: readonly number[]
  readonly followRedirects: boolean
  /** Hosts and domains a redirect may lead to, besides the target's own. */
  readonly redirectHosts: readonly string[]
}

export function callPolicies({ telephony }: Settings): CallPolicies {
  return {
    stopCodes: telephony.stopCodes,
    followRedirects: telephony.redirects === 'follow',
    redirectHosts: telephony.redirectHosts,
  }
}
