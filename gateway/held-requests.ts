/** More requests than this of one dialog are not kept waiting. */
const MAX_HELD = 16

interface Request {
  readonly method: string
}
interface Response {
  send(status: number, options: { headers: Record<string, string> }): void
}
/** drachtio-srf's way into a dialog. */
interface Handling {
  handle(req: Request, res: Response): void
}

const releases = new WeakMap<object, () => void>()

/**
 * Keeps the requests of a new dialog until somebody listens: one that comes with the very answer that made the dialog would be
 * answered by drachtio-srf in its own way (a re-INVITE with 200, a SUBSCRIBE with 489). BYE and ACK do not wait.
 */
export function holdRequests(dialog: object): void {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- theirs, and not in their declarations.
  const handling = dialog as Handling
  const handle = handling.handle.bind(dialog)
  const held: [Request, Response][] = []
  handling.handle = (req, res) => {
    if (req.method === 'BYE' || req.method === 'ACK') handle(req, res)
    else if (held.length < MAX_HELD) held.push([req, res])
    else res.send(503, { headers: { 'Retry-After': '1' } })
  }
  releases.set(dialog, () => {
    handling.handle = handle
    for (const [req, res] of held.splice(0)) handle(req, res)
  })
}

/** Somebody listens now. */
export function releaseRequests(dialog: object): void {
  releases.get(dialog)?.()
  releases.delete(dialog)
}
