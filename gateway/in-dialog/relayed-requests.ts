import { oppositeOf, type LegSide } from '../../model/call.ts'
import { isDialogGone } from './dialog-gone.ts'
import type { RelayedKeys } from './relayed-keys.ts'
import { ALLOWED } from '../headers/sip-methods.ts'
import { relayableStatus } from '../srf.ts'
import type { LegDialog, LegResponse, SipRequest, SipResponse } from '../srf/srf-types.ts'

/** Requests inside a dialog that mean something to the other side only, and are handed on as they are. */
const RELAYED = ['info', 'message', 'notify', 'subscribe'] as const

const SUBSCRIPTION = new Set(['SUBSCRIBE', 'NOTIFY'])

/** More relayed requests of one side than this at once are refused: 503. */
export const MAX_RELAYED_AT_ONCE = 32

/** What goes along: what the body is, and the words of event packages (RFC 6086, RFC 6665) and of MESSAGE (RFC 3428). */
export const REQUEST_HEADERS = [
  'Content-Type',
  'Content-Disposition',
  'Content-Language',
  'Info-Package',
  'Recv-Info',
  'Event',
  'Subscription-State',
  'Expires',
  'Accept',
  'Allow-Events',
  'Subject',
]
export const RESPONSE_HEADERS = [
  'Content-Type',
  'Expires',
  'Allow-Events',
  'Accept',
  'Recv-Info',
  'Retry-After',
  'Min-Expires',
]

/** Hands requests inside one leg's dialog on to the other leg, and the answers back. */
export class RelayedRequests {
  readonly #dialogOf: (side: LegSide) => LegDialog
  readonly #onGone: (side: LegSide, dialog: LegDialog) => void
  readonly #keys: RelayedKeys | null
  readonly #open: Record<LegSide, number> = { caller: 0, buyer: 0 }

  /** `onGone` is told of a side that knows nothing of its dialog any more; `keys` may take INFO that tells of a key. */
  constructor(
    dialogOf: (side: LegSide) => LegDialog,
    onGone: (side: LegSide, dialog: LegDialog) => void,
    keys: RelayedKeys | null = null,
  ) {
    this.#keys = keys
    this.#dialogOf = dialogOf
    this.#onGone = onGone
  }

  /** Listens to one side's dialog. */
  watch(side: LegSide, dialog: LegDialog): void {
    for (const method of RELAYED)
      dialog.on(method, (req: SipRequest, res: SipResponse) => void this.#relay(side, req, res))
    // drachtio-srf has answered it; the other side must still hear that nobody listens any more.
    dialog.on(
      'unsubscribe',
      (req: SipRequest) => void this.#forward(req, this.#dialogOf(oppositeOf(side))).catch(() => {}),
    )
    dialog.on('publish', (_req: SipRequest, res: SipResponse) => res.send(405, { headers: { Allow: ALLOWED } }))
  }

  async #relay(side: LegSide, req: SipRequest, res: SipResponse): Promise<void> {
    if (req.method === 'INFO' && this.#keys?.take(side, req, res)) return
    if (this.#open[side] >= MAX_RELAYED_AT_ONCE) return res.send(503, { headers: { 'Retry-After': '1' } })
    this.#open[side]++
    const otherSide = oppositeOf(side)
    const other = this.#dialogOf(otherSide)
    try {
      const answer = await this.#forward(req, other)
      const headers = picked(answer, RESPONSE_HEADERS)
      res.send(relayableStatus(answer.status), answer.body ? { headers, body: answer.body } : { headers })
      // Of a subscription it ends no more than that, which is a usage of its own of the dialog (RFC 5057 §5.1).
      if (!SUBSCRIPTION.has(req.method) && isDialogGone(answer.status)) this.#onGone(otherSide, other)
    } catch {
      res.send(481)
    } finally {
      this.#open[side]--
    }
  }

  #forward(req: SipRequest, other: LegDialog): Promise<LegResponse> {
    const { method, body } = req
    return other.request({ method, headers: picked(req, REQUEST_HEADERS), body })
  }
}

export function picked(message: SipRequest | LegResponse, names: readonly string[]): Record<string, string> {
  const headers: Record<string, string> = {}
  for (const name of names) {
    const value = message.get(name)
    if (value) headers[name] = value
  }
  return headers
}
