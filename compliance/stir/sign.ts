import type { KeyObject } from 'node:crypto'
import type { Attestation } from '../../model/compliance-rule.ts'
import { printIdentityHeader } from './identity-header.ts'
import { signPassport, writeParties, type Passport, type PassportParty } from './passport.ts'

/** Our own right to sign: a key, and where the others find its certificate. */
export interface Signer {
  readonly key: KeyObject
  /** https, for everybody to fetch. */
  readonly certificateUrl: string
}

/** A call that nobody has signed before us. */
export interface NewCall {
  /** Canonical. */
  readonly caller: string
  readonly callee: PassportParty
  readonly attestation: Attestation
  /** A UUID of whoever we have it from (RFC 8588 §5). */
  readonly origId: string
  readonly nowMs: number
}

/** The Identity header of a call that we are the first to sign (RFC 8588). */
export function signCall({ key, certificateUrl }: Signer, call: NewCall): string {
  const claims = {
    attest: call.attestation,
    dest: writeParties([call.callee]),
    iat: Math.floor(call.nowMs / 1000),
    orig: { tn: call.caller },
    origid: call.origId,
  }
  return printIdentityHeader(signPassport('shaken', certificateUrl, claims, key), certificateUrl, 'shaken')
}

/**
 * The Identity header that tells of a call passed on to somebody else (RFC 8946 §4.1): it goes beside the one it came with, whose orig and time it keeps.
 * `from`: whom it was for, who is one of the `dest` of `last`; `to`: whom it is for now.
 */
export function signDiversion(
  { key, certificateUrl }: Signer,
  last: Pick<Passport, 'orig' | 'iat'>,
  from: PassportParty,
  to: PassportParty,
): string {
  const claims = { dest: writeParties([to]), div: from, iat: last.iat, orig: last.orig }
  return printIdentityHeader(signPassport('div', certificateUrl, claims, key), certificateUrl, 'div')
}
