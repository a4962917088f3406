import type { LegSide } from '../model/call.ts'
import type { DialogState } from '../model/cdr.ts'
import type { AccountId } from '../model/ids.ts'
import type { Bridge } from './bridge.ts'
import type { Leg } from './leg.ts'
import type { BuyerAttempt, Call } from './live-call.ts'

/** A call changes hands so often; after that nobody takes another's place in it. */
export const MAX_CHANGES = 10

/** Who has a place in an answered call. */
export interface Seat {
  readonly parties: Parties
  readonly side: LegSide
  readonly leg: Leg
}

/** Where places are found by their dialogs. */
export interface Register {
  add(seat: Seat): void
  end(leg: Leg): void
}

export interface PartiesOptions {
  readonly call: Call
  readonly bridge: Bridge
  readonly register: Register
  /** As a Successor's. */
  readonly isBuyerKnownByAddress: boolean
  /** Writes down the dialogs there are now: only lets a restart after a crash say BYE to the right sides. */
  readonly write: (dialogs: Readonly<Record<LegSide, DialogState>>) => void
}

/** Somebody who takes a side's place. */
export interface Successor {
  readonly side: LegSide
  /** The record of its leg. */
  readonly attempt: BuyerAttempt
  readonly leg: Leg
  /** What it has said of its media. */
  readonly description: string
  /** Where its requests come from says who sends them; false: only its password does. */
  readonly isKnownByAddress: boolean
}

/**
 * Who sits on the two sides of one answered call, and who has followed whom there, by transfer (RFC 5589) or by replacing
 * (RFC 3891). It is the same sale on the same award throughout: the money runs on until the call's end.
 */
export class Parties {
  readonly call: Call
  readonly bridge: Bridge
  readonly #register: Register
  readonly #write: PartiesOptions['write']
  readonly #isKnownByAddress: Record<LegSide, boolean>
  #isChanging = false
  #changes = 0

  constructor({ call, bridge, register, isBuyerKnownByAddress, write }: PartiesOptions) {
    this.call = call
    this.bridge = bridge
    this.#register = register
    this.#write = write
    this.#isKnownByAddress = { caller: true, buyer: isBuyerKnownByAddress }
    for (const side of ['caller', 'buyer'] as const) register.add({ parties: this, side, leg: bridge.legOf(side) })
    void bridge.ended.then(() => {
      for (const side of ['caller', 'buyer'] as const) register.end(bridge.legOf(side))
    })
  }

  /** How often it has been tried to change them. */
  get changes(): number {
    return this.#changes
  }

  /** One change at a time, and none before both sides have agreed: returns what ends it, or to the status that refuses it. */
  begin(): (() => void) | 491 | 603 {
    if (this.#isChanging || !this.bridge.isAgreed) return 491
    if (this.#changes >= MAX_CHANGES) return 603
    this.#changes++
    this.#isChanging = true
    return () => (this.#isChanging = false)
  }

  /** Whose side it is: the buyer's, or the seller's. */
  accountOf(side: LegSide): AccountId {
    return side === 'buyer' ? this.call.soldAttempt!.target.accountId : this.call.facts!.trunk.accountId
  }

  isKnownByAddress(side: LegSide): boolean {
    return this.#isKnownByAddress[side]
  }

  /** Before somebody's media is another's: what was heard of it. */
  async takeStats(side: LegSide): Promise<void> {
    const media = this.call.media!
    const heard = media.isDirect === true ? null : (await media.stats())[side]
    const attempt = this.#attemptOf(side)
    if (attempt) attempt.media = heard
    else this.call.callerMedia = heard
  }

  /** The newcomer has the place, whose media is joined already. Returns whom it follows, to be hung up on. */
  seat({ side, attempt, leg, description, isKnownByAddress }: Successor): Leg {
    const { call, bridge } = this
    const now = new Date()
    const before = this.#attemptOf(side)
    if (before) before.endedAt = now
    attempt.sipStatus = 200
    attempt.sipCallId = leg.dialog.sip.callId // Of several phones, the one that answered.
    attempt.answeredAt = now
    if (!call.attempts.includes(attempt)) call.attempts.push(attempt)

    const former = bridge.legOf(side)
    this.#register.end(former)
    bridge.replace(side, leg, description)
    call.transferredTo[side] = attempt
    this.#isKnownByAddress[side] = isKnownByAddress
    call.note('transferred', `the ${side}’s side goes on elsewhere`)
    if (bridge.isEnded) void leg.hangUp()
    else if (leg.dialog.sip.callId !== '') this.#register.add({ parties: this, side, leg })
    this.#write({ caller: bridge.legOf('caller').state(), buyer: bridge.legOf('buyer').state() })
    return former
  }

  /** The record of whoever is on this side now; the caller's own has no attempt. */
  #attemptOf(side: LegSide): BuyerAttempt | null {
    const { transferredTo, soldAttempt } = this.call
    return transferredTo[side] ?? (side === 'buyer' ? soldAttempt : null)
  }
}
