import { MOST_OF_ENTRY } from '../accounts/ach-file.ts'
import { addBankingDays } from '../accounts/banking-days.ts'
import type { PayoutRuns, PayoutTerms } from '../accounts/needs.ts'
import { finishPayouts, payoutPosting } from '../accounts/pay-sellers.ts'
import type { DomainEvent, EventBus } from '../model/events.ts'
import { newId, type AccountId } from '../model/ids.ts'
import type { Posting } from '../model/ledger.ts'
import type { Micros } from '../model/money.ts'
import type { Kit } from './kit.ts'
import { postingEvent, viewPosting } from './posting-views.ts'

/** Banking days after a prenote's arrival, for the bank to say no (Nacha Operating Rules, subsection 2.6). */
const PRENOTE_DAYS = 3

/** What a run does with the seller's money, as long as the exchange runs. */
export function payoutTerms(kit: Pick<Kit, 'payouts' | 'clock'>, onEvent: (event: DomainEvent) => void): PayoutTerms {
  const { minimumMicros, isPrenoted, clearingId } = kit.payouts
  return {
    minimumMicros,
    mostMicros: MOST_OF_ENTRY,
    isPrenoted,
    usableFrom: (effectiveOn) => addBankingDays(effectiveOn, PRENOTE_DAYS),
    createPosting: ({ id, accountId, amountMicros }) =>
      payoutPosting({
        postingId: newId(kit.clock),
        payoutId: id,
        accountId,
        clearingId,
        amountMicros,
        at: new Date(kit.clock.now()),
      }),
    announce(posting, balanceOf) {
      const event = toldSeller(kit, posting, balanceOf)
      onEvent(event)
      return [event]
    },
  }
}

/** Finishes the run that an earlier process, or a database that went away, left unfinished. Begins none. */
export async function goOnPaying(
  runs: PayoutRuns,
  kit: Pick<Kit, 'payouts' | 'clock'>,
  bus: Pick<EventBus, 'publish'>,
): Promise<void> {
  const told: DomainEvent[] = []
  const terms = payoutTerms(kit, (event) => told.push(event))
  await finishPayouts(runs, terms, kit.payouts.schedule, () => new Date(kit.clock.now()))
  for (const event of told) bus.publish(event)
}

/** What a seller hears of money that left it or came back. */
export function toldSeller(
  kit: Pick<Kit, 'clock'>,
  posting: Posting,
  balanceOf: (id: AccountId) => Micros,
): DomainEvent {
  const { accountId, amountMicros } = posting.entries[0]!
  const payload = viewPosting(accountId, posting, amountMicros, balanceOf(accountId))
  return postingEvent(kit, { id: accountId, type: 'seller' }, payload)
}
