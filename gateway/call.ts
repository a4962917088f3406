import { Refusal } from '../model/refusal.ts'
import type { Bridge } from './bridge.ts'
import type { Award } from '../model/auction.ts'
import type { Call } from './live-call.ts'

/** The questions asked of every call, in the order they are asked; gateway/exchange.ts answers them. */
export interface CallSteps {
  /** Whose trunk is this, has it room, and which number was dialled? */
  identify(call: Call): void
  /** May this call be sold at all? Null, as nearly always: answered from memory; a promise where evidence is asked for outside. */
  screen(call: Call): Promise<void> | null
  /** What its caller has to choose from first, where its number asks; null where it does not, as nearly all. */
  ask(call: Call): Promise<void> | null
  /** Leaves its auction open for bids on this very call, where its number says so; null where it does not, as nearly all. */
  takeBids(call: Call): Promise<void> | null
  /** Who buys it, at what price, in what order? */
  auction(call: Call): readonly Award[]
  /** Rings each award in turn; the first answer wins. */
  connect(call: Call, awards: readonly Award[]): Promise<Bridge>
  /** CDR, settlement, slots and holds released: exactly once, however the call ended. */
  close(call: Call): Promise<void>
}

/**
 * The life of one call. Start reading here. Every step keeps its promise or throws a Refusal.
 *
 * The SIP server has said 100 Trying before we hear of the INVITE (RFC 3261 §17.2.1). From there to the first INVITE out
 * nothing waits for a disk or a network: identify, screen and auction are synchronous and read only memory. Only where evidence must be asked
 * for outside is it waited for, until its deadline; only a number with a menu has its callers answered and asked first, and only one with
 * live bidding has them wait for bids.
 */
export async function handleCall(call: Call, exchange: CallSteps): Promise<void> {
  try {
    exchange.identify(call)
    const screening = exchange.screen(call)
    if (screening) await screening
    const asking = exchange.ask(call)
    if (asking) await asking
    const bidding = exchange.takeBids(call)
    if (bidding) await bidding
    const awards = exchange.auction(call)
    const bridge = await exchange.connect(call, awards)
    call.ended(await bridge.ended)
  } catch (error) {
    if (error instanceof Refusal) call.refuse(error)
    else call.crashed(error)
  } finally {
    await exchange.close(call)
  }
}
