import type { NonBidCode } from '../../model/bid.ts'
import type { Micros } from '../../model/money.ts'
import type { PhoneNumber } from '../../model/phone-number.ts'
import type { Reservation } from '../../routing/route-call.ts'
import type { Billed, ClaimEnd } from '../needs.ts'
import type { Lease } from './lease.ts'

/** Who tells the shared counters. */
interface Sharing {
  go(lease: Lease, end: ClaimEnd, billed?: Billed): void
  callsFrom(lease: Lease, ani: PhoneNumber): Promise<NonBidCode | null>
}

/** A reservation of this process's, and its claim on the shared counters. */
export class SharedReservation implements Reservation {
  readonly #own: Reservation
  readonly #lease: Lease
  readonly #sharing: Sharing

  constructor(own: Reservation, lease: Lease, sharing: Sharing) {
    this.#own = own
    this.#lease = lease
    this.#sharing = sharing
  }

  callsFrom(ani: PhoneNumber | null): NonBidCode | null | Promise<NonBidCode | null> {
    const own = this.#own.callsFrom(ani)
    if (own !== null || ani === null || ani === this.#lease.claimed.ani) return own
    return this.#sharing.callsFrom(this.#lease, ani)
  }

  answered(): void {
    if (this.#lease.end === null) this.#sharing.go(this.#lease, 'answer')
  }

  release(): void {
    this.#own.release()
    if (this.#isOn) this.#sharing.go(this.#lease, 'release')
  }

  settle(billedMicros: Micros, keptMicros: Micros | null = null): void {
    this.#own.settle(billedMicros)
    if (!this.#isOn) return
    this.#lease.isKept = keptMicros !== null
    const billed = { priceMicros: Number(billedMicros), fundsMicros: Number(keptMicros ?? billedMicros) }
    this.#sharing.go(this.#lease, 'settle', billed)
  }

  written(): void {
    if (this.#lease.end === 'settle')
      this.#sharing.go(this.#lease, this.#lease.isKept ? 'keep' : 'done', this.#lease.billed)
  }

  get #isOn(): boolean {
    return this.#lease.end === null || this.#lease.end === 'answer'
  }
}
