import type { LegSide } from '../model/call.ts'
import { ALLOWED } from './sip-methods.ts'
import { relayableStatus, type SipDialog, type SipRequest, type SipResponse } from './srf.ts'

/** Requests inside a dialog that mean something to the other side only, and are handed on as they are. */
const RELAYED = ['info', 'message', 'notify', 'subscribe'] as const

/** More relayed requests of one side than this at once are refused: 503. */
export const MAX_RELAYED_AT_ONCE = 32

/** What goes along: what the body is, and the words of event packages (RFC 6086, RFC 6665) and of MESSAGE (RFC 3428). */
const REQUEST_HEADERS = [
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
const RESPONSE_HEADERS = [
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
  readonly #dialogOf: (side: LegSide) => SipDialog
  readonly #open: Record<LegSide, number> = { caller: 0, buyer: 0 }

  constructor(dialogOf: (side: LegSide) => SipDialog) {
    this.#dialogOf = dialogOf
  }

  /** Listens to one side's dialog. */
  watch(side: LegSide, dialog: SipDialog): void {
    for (const method of RELAYED)
      dialog.on(method, (req: SipRequest, res: SipResponse) => void this.#relay(side, req, res))
    // drachtio-srf has answered it; the other side must still hear that nobody listens any more.
    dialog.on('unsubscribe', (req: SipRequest) => void this.#forward(side, req).catch(() => {}))
    dialog.on('publish', (_req: SipRequest, res: SipResponse) => res.send(405, { headers: { Allow: ALLOWED } }))
  }

  async #relay(side: LegSide, req: SipRequest, res: SipResponse): Promise<void> {
    if (this.#open[side] >= MAX_RELAYED_AT_ONCE) return res.send(503, { headers: { 'Retry-After': '1' } })
    this.#open[side]++
    try {
      const answer = await this.#forward(side, req)
      const headers = picked(answer, RESPONSE_HEADERS)
      res.send(relayableStatus(answer.status), answer.body ? { headers, body: answer.body } : { headers })
    } catch {
      res.send(481)
    } finally {
      this.#open[side]--
    }
  }

  #forward(side: LegSide, req: SipRequest): Promise<SipResponse> {
    const other = this.#dialogOf(side === 'caller' ? 'buyer' : 'caller')
    return other.request({ method: req.method, headers: picked(req, REQUEST_HEADERS), body: req.body })
  }
}

function picked(message: SipRequest | SipResponse, names: readonly string[]): Record<string, string> {
  const headers: Record<string, string> = {}
  for (const name of names) {
    const value = message.get(name)
    if (value) headers[name] = value
  }
  return headers
}
