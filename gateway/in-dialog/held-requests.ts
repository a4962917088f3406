const HELD = Symbol('requests that wait')
/** More requests than this of one dialog are not kept waiting. */
const MAX_HELD = 16

interface Request {
  readonly method: string
}
interface Response {
  send(status: number, options: { headers: Record<string, string> }): void
}
/** drachtio-srf's way into a dialog, and what we hang on to it: a table of dialogs would keep them (model/slots.ts). */
interface Handling {
  handle(req: Request, res: Response): void
  [HELD]?: Held | undefined
}

interface Held {
  release(): void
  refuse(): void
}

/**
 * Keeps the requests of a new dialog until somebody listens: one that comes with the very answer that made the dialog would be
 * answered by drachtio-srf in its own way (a re-INVITE with 200, a SUBSCRIBE with 489). BYE and ACK do not wait, and what waited
 * for a dialog that a BYE ends is refused: else drachtio-srf would keep it for ever.
 */
export function holdRequests(dialog: object): void {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- theirs, and not in their declarations.
  const handling = dialog as Handling
  const handle = handling.handle.bind(dialog)
  const held: [Request, Response][] = []
  let isOver = false
  const hold: Handling['handle'] = (req, res) => {
    if (req.method === 'BYE') refuseRequests(dialog)
    if (req.method === 'BYE' || req.method === 'ACK') handle(req, res)
    else if (isOver) res.send(481, { headers: {} })
    else if (held.length < MAX_HELD) held.push([req, res])
    else res.send(503, { headers: { 'Retry-After': '1' } })
  }
  handling.handle = hold
  handling[HELD] = {
    release() {
      handling.handle = handle
      for (const [req, res] of held.splice(0)) handle(req, res)
    },
    refuse() {
      isOver = true
      for (const [, res] of held.splice(0)) res.send(481, { headers: {} })
    },
  }
}

/** Somebody listens now. */
export function releaseRequests(dialog: object): void {
  const handling: Partial<Handling> = dialog
  handling[HELD]?.release()
  handling[HELD] = undefined
}

/** Nobody will: the dialog is over (RFC 3261 §12.2.2). */
export function refuseRequests(dialog: object): void {
  const handling: Partial<Handling> = dialog
  handling[HELD]?.refuse()
}
