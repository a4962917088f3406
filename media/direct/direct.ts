import {
  MediaUnavailable,
  UnacceptableMedia,
  type MediaCapability,
  type MediaServer,
  type SessionRequest,
} from '../media-server.ts'
import { DirectSession } from './direct-session.ts'

/**
 * No engine at all: the caller's description goes to the buyer and the buyer's back, and their audio goes past us. Each then knows the
 * other's address, so it is for calls alone where both sides allow it; whoever chooses sees to that.
 */
export class Direct implements MediaServer {
  readonly name = 'direct'
  /** Keys pass as they are: whoever chooses sees to it that both ends have them, or neither. */
  readonly capabilities: ReadonlySet<MediaCapability> = new Set(['sdes'])
  readonly isDirect = true
  #sessions = 0
  #closed = false

  get isUp(): boolean {
    return !this.#closed
  }

  get sessionCount(): number {
    return this.#sessions
  }

  // oxlint-disable-next-line require-await -- a throw is to be a rejection.
  async createSession({ callerOffer }: SessionRequest): Promise<DirectSession> {
    if (this.#closed) throw new MediaUnavailable('the exchange stops')
    if (callerOffer === null) throw new UnacceptableMedia('there is no offer to pass on')
    const session = new DirectSession(callerOffer, () => this.#sessions--)
    this.#sessions++
    return session
  }

  close(): Promise<void> {
    this.#closed = true
    return Promise.resolve()
  }
}
