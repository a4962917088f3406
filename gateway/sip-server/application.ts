import type { SipMessage } from './message.ts'
import type { Peer } from './transport.ts'

/** A message shown to an application: what its `sip` frame says beside the message. */
export interface Shown {
  /** `application`: a request the server sent by itself. */
  readonly source: 'network' | 'application'
  /** Null for an answer the server made up (no peer sent it): shown with protocol, an empty address and port 0. */
  readonly peer: Peer | null
  readonly protocol: string
  readonly transactionId: string
  readonly dialogId: string
  /** Only on new requests outside dialogs. */
  readonly receivedOn: { readonly host: string; readonly port: number } | null
  readonly message: SipMessage
  /** The flush in which the echo of the same transaction went out: this must not travel with it. -1: none. */
  readonly afterFlush: number
}

/** A message of the application as it went out: the answer to its frame. */
export interface Echo {
  readonly isRequest: boolean
  readonly protocol: string
  readonly host: string
  readonly port: number
  readonly transactionId: string
  readonly dialogId: string
  readonly text: string
}

/** An application connected over the control protocol, as the SIP layers see it. */
export interface Application {
  readonly isOpen: boolean
  /** What it calls itself: its tags, but for its weight. Two connections with the same tags are taken for the same application. */
  readonly identity: string
  /** Sends a `sip` frame. Returns the number of the flush it goes out with. */
  show(shown: Shown): number
  /** Answers frame `frameId` with OK and the message as sent. Returns the number of the flush it goes out with. */
  echo(frameId: string, echo: Echo): number
  /** Answers the `proxy` frame `frameId` with one more final response; `source` is null for one nobody sent. More follows. */
  tellProxied(frameId: string, response: SipMessage, source: Peer | null): void
  /** The last answer to that frame. */
  finishProxied(frameId: string): void
  /** Sends a `cdr:` event; `detail` is the role of a start and the reason of a stop. */
  tellCdr(event: 'attempt' | 'start' | 'stop', source: string, detail: string, message: SipMessage): void
  /** Answers frame `frameId` with NOK and this reason. */
  refuse(frameId: string, reason: string): void
}

/** Finds an application for a request outside dialogs. */
export interface ApplicationRouter {
  /** In turn among those that asked for the method (lower case); null when nobody did. */
  route(method: string): Application | null
  /** Whether nobody has ever asked for the method though somebody asks for others: it is not served here (RFC 3261 §8.2.1). */
  isForeign(method: string): boolean
  /** What is asked for now, in lower case. */
  routes(): readonly string[]
  /** In turn among those that said this tag of themselves; null when none did. */
  routeToTag(tag: string): Application | null
}
