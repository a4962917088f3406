import type { EndReason } from './call.ts'

/**
 * A call that will not go on, thrown by a step of its story. `reason` is looked up in gateway/refusals.ts for the SIP
 * status, the Reason header and whose fault it was; `text` is what the trace and the Reason header say.
 */
export class Refusal extends Error {
  override readonly name = 'Refusal'
  readonly reason: EndReason
  readonly status: number | null
  /** SIP headers of this one refusal, besides those its reason always has. */
  readonly headers: Readonly<Record<string, string>>
  /** The reason phrase of this one; null: its reason's. */
  readonly phrase: string | null

  constructor(
    reason: EndReason,
    text: string,
    status: number | null = null,
    headers: Readonly<Record<string, string>> = {},
    phrase: string | null = null,
  ) {
    super(text)
    this.reason = reason
    this.status = status
    this.headers = headers
    this.phrase = phrase
  }
}
