import type { EndReason } from './call.ts'

/**
 * A call that will not go on, thrown by a step of its story. `reason` is looked up in gateway/refusals.ts for the SIP
 * status, the Reason header and whose fault it was; `text` is what the trace and the Reason header say.
 */
export class Refusal extends Error {
  override readonly name = 'Refusal'
  readonly reason: EndReason
  readonly status: number | null

  constructor(reason: EndReason, text: string, status: number | null = null) {
    super(text)
    this.reason = reason
    this.status = status
  }
}
