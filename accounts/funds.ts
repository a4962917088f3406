import type { Account } from '../model/account.ts'
import type { DomainEvent, EventType } from '../model/events.ts'
import type { FundsChange, FundsState } from '../model/funds.ts'
import { newId } from '../model/ids.ts'
import { CENT, formatMoney, type Micros } from '../model/money.ts'

/** With less than this nothing can be bought: prices are whole cents. */
const NOTHING = CENT

/**
 * How a buyer stands: what it has and may owe, whatever of that is held for calls that go on now. (storage/funds-store.ts says
 * the same in SQL.)
 */
export function fundsState(
  account: Pick<Account, 'creditLimitMicros' | 'lowBalanceMicros'>,
  balanceMicros: Micros,
): FundsState {
  const funds = balanceMicros + account.creditLimitMicros
  if (funds < NOTHING) return 'paused'
  return funds < (account.lowBalanceMicros ?? 0n) ? 'low' : 'ok'
}

/** What a buyer is told of a line it has crossed. One that was never looked at has crossed none. */
export function eventsOfFunds(change: FundsChange, at: Date): DomainEvent[] {
  const { account, before, after } = change
  if (before === null) return []
  const types: EventType[] = []
  // Once on the way down: it is told again after it has had enough in between.
  if (before === 'ok' && account.lowBalanceMicros !== null) types.push('account.balance_low')
  if (after === 'paused') types.push('account.paused')
  else if (before === 'paused') types.push('account.resumed')
  const payload = {
    account_id: account.id,
    currency: account.currency,
    balance: formatMoney(change.balanceMicros),
    credit_limit: formatMoney(account.creditLimitMicros),
    low_balance: account.lowBalanceMicros === null ? null : formatMoney(account.lowBalanceMicros),
    funds: after,
  }
  const audience = { buyerPayloads: new Map([[account.id, payload]]) }
  const time = at.toISOString()
  return types.map((type) => ({ id: newId<string>(), type, time, version: 1, callId: null, payload, audience }))
}
