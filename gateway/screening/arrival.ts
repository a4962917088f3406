import type { BroughtConsent } from '../../model/consent.ts'
import type { Offer } from '../../compliance/screening-request.ts'
import type { Account } from '../../model/account.ts'
import type { CallId } from '../../model/ids.ts'
import type { PhoneNumber } from '../../model/phone-number.ts'
import type { NumberMenu } from '../../model/number-menu.ts'
import type { Place, ZipPlace } from '../../model/places.ts'
import type { DialledNumber, Trunk } from '../../model/trunk.ts'
import type { CallerLeg } from '../caller-leg.ts'
import type { Call } from '../live-call.ts'
import { offerOf } from '../offer.ts'
import { broughtByInvite, broughtByTags } from './brought-consent.ts'

/** What an INVITE itself says. */
export interface ArrivedInvite {
  readonly trunk: Trunk
  readonly caller: Pick<
    CallerLeg,
    'header' | 'fields' | 'sourceAddress' | 'identityUris' | 'requestUri' | 'toUri' | 'offer'
  >
}

/** A call, or the ping that announces one, as it is before anything of it is judged. */
export interface Arrival {
  /** Of a ping: what stands for its call until there is one. */
  readonly callId: CallId
  /** When it reached us, epoch milliseconds. */
  readonly atMs: number
  readonly ani: PhoneNumber | null
  readonly number: DialledNumber
  readonly seller: Account
  readonly places: readonly Place[]
  readonly zip: ZipPlace | null
  readonly originatedAtMs: number | null
  /** The caller will be asked for its ZIP code by the number's menu, and the law of its place is judged again by that. */
  readonly placeIsAsked?: boolean
  /** What a ping said of it included. */
  readonly offer: Offer
  /** Of the consumer's consent, with the call or its ping; null: nothing. */
  readonly brought: BroughtConsent | null
  /** Null: a ping. */
  readonly invite: ArrivedInvite | null
}

/** A caller is asked where it is when nobody has said so, and there is still something to ask: a ping has sold its call already. */
function asksPlace(menu: NumberMenu | null | undefined, zip: ZipPlace | null, isPinged: boolean): boolean {
  return menu?.zipPrompt != null && zip === null && !isPinged
}

/** Of a call that is identified. A ping was judged with what it said of the call: so is the call. */
export function arrivalOf({ id, receivedAt, facts, pinged, caller }: Call): Arrival {
  const { ani, number, seller, places, zip, originatedAtMs, trunk } = facts!
  return {
    callId: id,
    atMs: receivedAt.getTime(),
    ani,
    number: number!,
    seller,
    places,
    zip,
    originatedAtMs,
    offer: offerOf(pinged?.request ?? { number: number! }),
    brought: broughtByInvite(caller) ?? broughtByTags(pinged?.ping.tags),
    invite: { trunk, caller },
    ...(asksPlace(number!.menu, zip, pinged !== null) && { placeIsAsked: true }),
  }
}
