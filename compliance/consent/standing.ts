import type { ConsentChannel, ConsentRecord } from '../../model/consent.ts'
import type { AccountId } from '../../model/ids.ts'

/** What a consent is asked for; a seller neither by account nor by name: any. */
export interface ConsentQuestion {
  readonly channel: ConsentChannel
  readonly atMs: number
  readonly accountId: AccountId | null
  /** As the form names it, without regard to case. */
  readonly sellerName: string | null
}

/** Whether a consent was good then, or the first thing that was against it. */
export type ConsentStanding = 'valid' | 'revoked' | 'expired' | 'not_given_yet' | 'other_channel' | 'other_seller'

/** To the second, as gateways remember it. */
export function standingOf(record: ConsentRecord, question: ConsentQuestion): ConsentStanding {
  const at = Math.floor(question.atMs / 1000)
  const { revocation, expiresAt, givenAt } = record
  if (revocation !== null && at >= seconds(revocation.at)) return 'revoked'
  if (expiresAt !== null && at >= seconds(expiresAt)) return 'expired'
  if (at < seconds(givenAt)) return 'not_given_yet'
  if (!allows(record.channels, question.channel)) return 'other_channel'
  return names(record, question) ? 'valid' : 'other_seller'
}

/** Who may be called by a machine may be called by a person. */
function allows(channels: readonly ConsentChannel[], asked: ConsentChannel): boolean {
  return channels.includes(asked) || (asked === 'call' && channels.includes('autodial'))
}

function names({ sellers }: ConsentRecord, { accountId, sellerName }: ConsentQuestion): boolean {
  if (accountId === null && sellerName === null) return true
  const wanted = sellerName?.trim().toLowerCase() ?? null
  return sellers.some(
    (seller) =>
      (accountId !== null && seller.accountId === accountId) ||
      (wanted !== null && seller.name.trim().toLowerCase() === wanted),
  )
}

function seconds(time: Date): number {
  return Math.floor(time.getTime() / 1000)
}
