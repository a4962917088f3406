import type { Stored } from './account.ts'
import type { AccountId, SipUserId, TrunkId } from './ids.ts'

/** The hash functions of RFC 8760 we challenge with. */
export type DigestAlgorithm = 'MD5' | 'SHA-256'

/**
 * What is kept of a password that SIP devices answer challenges with: for one realm, `H(username:realm:password)` in hex by
 * each algorithm (RFC 7616 §3.4.2). The password itself cannot be had from it, though it is all an answer needs.
 */
export interface DigestSecret {
  readonly realm: string
  readonly md5: string
  readonly sha256: string
}

/**
 * Somebody who registers a phone or a browser: a buyer's agent, whom won calls may ring, or a seller's browser caller, whose
 * calls come in on `trunkId`.
 */
export interface SipUser extends Stored {
  readonly id: SipUserId
  readonly accountId: AccountId
  /** The user part of the address of record, `sip:username@realm`; nobody else on this exchange has it. */
  readonly username: string
  readonly status: 'active' | 'suspended'
  /** A seller's caller sends its calls as this trunk; null for a buyer's agent, who sends none. */
  readonly trunkId: TrunkId | null
  readonly digest: DigestSecret
}

/** Where a user can be reached: one contact of its address of record (RFC 3261 §10.2.1), and the way to it. */
export interface SipBinding {
  /** The Contact's URI, as it was registered. */
  readonly contact: string
  /** RFC 5626: `+sip.instance` without its brackets; null when the client gave none. */
  readonly instance: string | null
  /** RFC 5626: which of the instance's flows this is; null without outbound. */
  readonly regId: number | null
  readonly callId: string
  readonly cseq: number
  /** Preference in thousandths, RFC 3261 §20.10. */
  readonly q: number
  readonly expiresAtMs: number
  readonly registeredAtMs: number
  /** The proxies in between, first hop first (RFC 3327). */
  readonly path: readonly string[]
  /** Where the REGISTER came from: behind NAT, or with a browser, the only way back. */
  readonly source: { readonly transport: string; readonly host: string; readonly port: number }
  readonly userAgent: string | null
}
