import { canonicalNumber } from '../../compliance/stir/canonical-number.ts'
import type { PassportParty } from '../../compliance/stir/passport.ts'
import { signCall, signDiversion, type Signer } from '../../compliance/stir/sign.ts'
import type { Attestation } from '../../model/compliance-rule.ts'
import type { PhoneNumber } from '../../model/phone-number.ts'
import type { Trunk } from '../../model/trunk.ts'
import type { Call } from '../live-call.ts'

interface OutgoingIdentityNeeds {
  readonly signer: Signer
  readonly now: () => number
  readonly onSigned: (ppt: 'shaken' | 'div', attestation: Attestation | null) => void
}

/** What we sign ourselves of the calls we pass on. */
export class OutgoingIdentity {
  readonly #needs: OutgoingIdentityNeeds

  constructor(needs: OutgoingIdentityNeeds) {
    this.#needs = needs
  }

  /**
   * Our own Identity header for the call's INVITE to `uri`, to go beside those it came with; null: none. A signature that was found good is followed
   * by one that tells of the diversion (RFC 8946); what came with a bad or an unread one is passed on with it alone; and a call without any is
   * attested as its trunk allows.
   */
  sign({ signature, facts, caller }: Call, uri: string): string | null {
    const { signer, now, onSigned } = this.#needs
    const callee = partyOf(uri)
    const assertion = signature?.assertion ?? null
    if (assertion) {
      const { passport, diversions } = assertion
      const dialled = facts!.dnis.slice(1)
      const { dest } = diversions.at(-1) ?? passport
      const from = dest.find((party) => 'tn' in party && party.tn === dialled) ?? dest[0]!
      if (isSame(from, callee)) return null
      onSigned('div', null)
      return signDiversion(signer, passport, from, callee)
    }
    const { ani, trunk } = facts!
    if (ani === null || caller.header('Identity') !== undefined) return null
    const attestation = attestationOf(trunk, ani)
    if (attestation === null) return null
    onSigned('shaken', attestation)
    // The trunk is whom we have it from: its id says so to us, and nothing to others.
    return signCall(signer, { caller: ani.slice(1), callee, attestation, origId: trunk.id, nowMs: now() })
  }
}

/**
 * `A` for a number that an administrator knows to be the customer's: of its trunk's list. Whose else it may be, the customer is known, and its
 * right to the number is not: `B` (ATIS-1000074 §5.2.3). That the seller sells calls to it here proves nothing: it names its numbers itself.
 * No more than the trunk allows.
 */
function attestationOf({ attestation = null, callerNumbers = [] }: Trunk, ani: PhoneNumber): Attestation | null {
  if (attestation !== 'A') return attestation
  const isOwn = callerNumbers.some((own) => (own.endsWith('*') ? ani.startsWith(own.slice(0, -1)) : own === ani))
  return isOwn ? 'A' : 'B'
}

/** Whom a request to this URI is for: a number, or a URI without what only says how to get there (RFC 8224 §8.5). */
function partyOf(uri: string): PassportParty {
  const tn = canonicalNumber(uri)
  if (tn !== null) return { tn }
  const [, before = '', host = ''] = /^(sips?:(?:[^@]*@)?)([^;?>]*)/i.exec(uri) ?? []
  return { uri: `${before}${host.toLowerCase()}` }
}

function isSame(a: PassportParty, b: PassportParty): boolean {
  return 'tn' in a ? 'tn' in b && a.tn === b.tn : 'uri' in b && a.uri === b.uri
}
