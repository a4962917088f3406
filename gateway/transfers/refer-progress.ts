import { quotable } from '../headers/reason-header.ts'
import type { LegDialog } from '../srf/srf-types.ts'

/** Seconds: how long a transferor may expect to hear of its transfer; the ring timeout is shorter. */
const EXPIRES_S = 180

/**
 * Tells a transferor how its transfer goes: the subscription that its REFER made (RFC 3515 §2.4.4), one NOTIFY at a time, each with
 * the status line of where it stands. What it answers changes nothing.
 */
export class ReferProgress {
  readonly #dialog: LegDialog
  readonly #event: string
  #last = 0
  #sending: Promise<unknown> = Promise.resolve()

  /** `id` is given for all but the first REFER of a dialog (RFC 3515 §2.4.6). */
  constructor(dialog: LegDialog, id: string | null) {
    this.#dialog = dialog
    this.#event = id === null ? 'refer' : `refer;id=${id}`
  }

  /** Where it stands; the same status is not told twice. A final one ends the subscription: resolves when it has been told. */
  tell(status: number, reason: string): Promise<unknown> {
    if (status === this.#last || this.#last >= 200) return this.#sending
    this.#last = status
    const headers = {
      Event: this.#event,
      'Subscription-State': status < 200 ? `active;expires=${EXPIRES_S}` : 'terminated;reason=noresource',
      'Content-Type': 'message/sipfrag;version=2.0',
    }
    const body = `SIP/2.0 ${status} ${quotable(reason) || 'Unknown'}\r\n`
    this.#sending = this.#sending.then(() => {
      if (!this.#dialog.connected) return null
      return this.#dialog.request({ method: 'NOTIFY', headers, body }).catch(() => null)
    })
    return this.#sending
  }
}
