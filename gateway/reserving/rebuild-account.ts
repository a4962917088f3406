import type { AccountId } from '../../model/ids.ts'
import type { Routing } from '../../routing/route-call.ts'
import type { AccountRebuilt, AccountUsage } from '../needs.ts'

/** What the database knows of an account, counted as routing counts it. */
export function rebuiltFrom(
  accountId: AccountId,
  { balanceMicros, version, calls, contacts, open, kept }: AccountUsage,
  routing: Pick<Routing, 'claim' | 'totals' | 'lookBackMs'>,
): AccountRebuilt {
  const keepMs = routing.lookBackMs(accountId)
  const claims = open.map(({ holdId: id, isAnswered, priceMicros, fundsMicros, awardedAtMs: atMs, ...call }) => ({
    claim: routing.claim({
      ...call,
      id,
      atMs,
      targetId: call.targetId!,
      priceMicros: Number(priceMicros),
      fundsMicros: Number(fundsMicros),
    }),
    state: isAnswered ? ('answered' as const) : ('reserved' as const),
  }))
  const inProgress = claims.flatMap(({ claim: { id, atMs, contact, buyerId } }) =>
    contact !== null && buyerId === accountId ? [{ ...contact, id, atMs, isBilled: false }] : [],
  )
  const ended = contacts.flatMap(({ id, ani, awardedAtMs, campaignId, targetId, isConverted }) =>
    ani === null || keepMs === 0
      ? []
      : [
          {
            id,
            ani,
            campaignId,
            targetId: targetId ?? '',
            keepMs,
            rule: null,
            atMs: awardedAtMs,
            isBilled: isConverted,
          },
        ],
  )
  return {
    balanceMicros: Number(balanceMicros),
    version,
    totals: routing.totals(accountId, calls),
    claims,
    kept: kept.map(({ id, fundsMicros }) => ({ id, fundsMicros: Number(fundsMicros) })),
    contacts: [...ended, ...inProgress],
  }
}
