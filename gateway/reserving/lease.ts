import type { Claim } from '../../model/claim.ts'
import type { AccountId, HoldId } from '../../model/ids.ts'
import type { Claimed } from '../../routing/route-call.ts'
import type { Billed, ClaimEnd } from '../needs.ts'
import type { SlicePart } from './local-slice.ts'

export const NOWHERE: readonly AccountId[] = []

/** One claim of this gateway's on the shared counters, until they have heard how it ended. */
export interface Lease {
  claim: Claim
  /** What the claim was made of. */
  claimed: Claimed
  /** How far it has come, whether or not the counters have heard so; null: it is being rung. */
  end: ClaimEnd | null
  billed: Billed
  /** It was sold by conversion: its funds outlive the call. */
  isKept: boolean
  /** The call's record has been written down, be it to the spool. */
  isWritten: boolean
  /** The counters may have it: it was asked of them in the epoch that is joined, and at least not refused. */
  isKnown: boolean
  /** They have not heard all of it. */
  isBehind: boolean
  /** What it has taken of this gateway's own slice, until the counters are told; null: nothing. */
  slice: readonly SlicePart[] | null
  /** The accounts whose counters no longer had it: its process was taken for dead. */
  gone: readonly AccountId[]
}

export function newLease(claim: Claim, claimed: Claimed): Lease {
  return {
    claim,
    claimed,
    end: null,
    billed: { priceMicros: 0, fundsMicros: 0 },
    isKept: false,
    isWritten: false,
    isKnown: false,
    isBehind: false,
    slice: null,
    gone: NOWHERE,
  }
}

export function isOver({ end }: Lease): boolean {
  return end === 'release' || end === 'done' || end === 'keep'
}

/** The accounts whose counters it is in. */
export function accountsOf({ claim }: Lease): AccountId[] {
  return claim.seller ? [claim.buyerId, claim.seller.id] : [claim.buyerId]
}

/** Live claims by the account that counts them. */
export function byAccount(leases: Iterable<Lease>): Map<AccountId, HoldId[]> {
  const found = new Map<AccountId, HoldId[]>()
  for (const lease of leases) {
    if (isOver(lease)) continue
    for (const id of accountsOf(lease)) {
      const ids = found.get(id)
      if (ids) ids.push(lease.claim.id)
      else found.set(id, [lease.claim.id])
    }
  }
  return found
}
