import type { Settings } from '../../config/settings.ts'
import type { Telemetry } from '../../config/telemetry.ts'
import { systemRandom } from '../../model/random.ts'
import { Authentication } from '../identity/authentication.ts'
import { ClickTokens } from '../identity/click-tokens.ts'
import { SipCredentials } from '../identity/sip-credentials.ts'

export interface SipIdentityNeeds {
  readonly settings: Settings
  readonly now: () => number
  readonly telemetry: Telemetry
  /** Told when there is a click-to-call token where there was none. */
  readonly onFirst: () => void
}

/** Who may call or register by a password, in our realm. */
export function createSipIdentity({ settings, now, telemetry, onFirst }: SipIdentityNeeds) {
  const { realm, digestAlgorithms: algorithms, nonceLifetimeMs } = settings.telephony
  const clickTokens = new ClickTokens({ realm, now, random: systemRandom, onFirst })
  const sipCredentials = new SipCredentials(realm, clickTokens)
  const authentication = new Authentication({
    realm,
    algorithms,
    nonceLifetimeMs,
    credentials: sipCredentials,
    now,
    telemetry,
  })
  return { clickTokens, sipCredentials, authentication }
}
