import { UnacceptableMedia } from '../../media/media-server.ts'
import { quotable } from './reason-header.ts'

/** The Warning of a 488: what of an offer could not be served (RFC 3261 §20.43). Nothing for any other error. */
export function mediaWarning(error: unknown): Record<string, string> {
  return error instanceof UnacceptableMedia ? { Warning: `${error.warning} dce "${quotable(error.message)}"` } : {}
}
