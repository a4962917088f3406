import type { AccountId } from '../../model/ids.ts'
import type { Seat } from '../parties.ts'
import type { ExchangeParts } from '../parts.ts'
import { listOf } from '../headers/sip-fields.ts'
import type { SipRequest } from '../srf/srf-types.ts'

/** How an INVITE is answered that may not replace the dialog it names. */
export interface NotEntitled {
  readonly status: number
  readonly headers: Record<string, string>
}

/**
 * Whether a transferor may have this call of ours joined with the one it refers in. It knows the dialog's two tags; and it must be
 * of the same account as whoever sits there, or sit at the same address: an agent may buy the one call and have placed the other.
 */
export function mayJoin(refer: SipRequest, account: AccountId, { parties, side, leg }: Seat): boolean {
  return parties.accountOf(side) === account || leg.sourceAddress === refer.source_address
}

/**
 * Whether whoever sends this INVITE may take that place (RFC 3891 §3: it must be authorized); null when so. That is: somebody of the
 * same account, by password; the trunk whose call it is, by its address or certificate; a buyer's system from the address that
 * answered. Anybody else hears 481, as if there were no such dialog.
 */
export function whyNotEntitled(invite: SipRequest, seat: Seat, parts: ExchangeParts): NotEntitled | null {
  const { authentication } = parts
  const said = authentication.identify(invite)
  if (said.kind === 'malformed') return { status: 400, headers: {} }
  if (said.kind === 'challenge') return { status: 401, headers: said.headers }
  if (said.kind === 'known') {
    const account = seat.parties.accountOf(seat.side)
    const isOfAccount = said.credentials.some((credential) => {
      if (credential.kind === 'click') return false // It is for one call to one number.
      const id = credential.kind === 'user' ? credential.user.accountId : parts.trunks.get(credential.id)?.accountId
      return id === account
    })
    return isOfAccount ? null : { status: 481, headers: {} }
  }
  if (isKnown(invite, seat, parts)) return null
  if (authentication.credentials.isEmpty) return { status: 481, headers: {} }
  return { status: 401, headers: authentication.challenge(invite).headers }
}

/** By its address, or its certificate. */
function isKnown(
  invite: SipRequest,
  { parties, side, leg }: Seat,
  { trunks, isSipServerOurs }: ExchangeParts,
): boolean {
  if (side === 'buyer') return parties.isKnownByAddress(side) && invite.source_address === leg.sourceAddress
  const { id } = parties.call.facts!.trunk
  const byName = isSipServerOurs && trunks.haveTlsNames ? trunks.ofTlsNames(listOf(invite.get('X-DCE-TLS-Client'))) : []
  return [...byName, ...trunks.ofSource(invite.source_address)].some((trunk) => trunk.id === id)
}
