import type { ApplicationRouter } from './application.ts'
import type { CdrEvents } from './cdr-events.ts'
import type { Chance } from './chance.ts'
import type { Dialogs } from './dialogs.ts'
import type { Guard } from './guard.ts'
import type { Flows } from './flows.ts'
import type { SipServerLimits } from './limits.ts'
import type { Locator } from './locate.ts'
import type { Counters } from './stats.ts'
import type { Overload } from './overload.ts'
import type { Parties } from './parties.ts'
import type { TimerWheel } from './timer-wheel.ts'
import type { SipTimers } from './timers.ts'
import type { Understanding } from './understanding.ts'
import type { Transactions } from './transactions.ts'
import { advertisedHost, hostInUri, uriTransport } from './transport.ts'
import type { Transport } from './transport.ts'

/** What the layers of one server share. `server.ts` fills it in; nothing else writes to it. */
export interface Core {
  readonly timers: SipTimers
  readonly wheel: TimerWheel
  readonly chance: Chance
  readonly counters: Counters
  readonly parties: Parties
  readonly limits: SipServerLimits
  readonly transports: Transport[]
  /** What a request too large for UDP goes over, where its URI leaves that to us (RFC 3261 §18.1.1). */
  readonly largeRequests: 'tcp' | 'udp'
  /** The addresses peers outside are told, instead of the bound one: one of each family at most. */
  readonly publicAddresses: readonly string[]
  /** Which connection leads to a registered client. */
  readonly flows: Flows
  readonly dialogs: Dialogs
  readonly locator: Locator
  readonly router: ApplicationRouter
  readonly transactions: Transactions
  readonly cdr: CdrEvents
  /** A cancelled INVITE is its application's to answer. */
  readonly asksForEnds: boolean
  /** Null: applications judge for themselves what they understand. */
  readonly understanding: Understanding | null
  /** Null: every source may send what it likes. */
  readonly guard: Guard | null
  /** Null: new calls are never turned away for lateness. */
  readonly overload: Overload | null
}

/** Our address towards a peer, as `host:port` of a URI. */
export function ownAddress(core: Core, transport: Transport, peerHost: string): string {
  return `${hostInUri(advertisedHost(transport, peerHost, core.publicAddresses))}:${transport.port}`
}

/** Our Contact towards a peer when the application gives none. */
export function ownContact(core: Core, transport: Transport, peerHost: string): string {
  const parameter = transport.name === 'udp' ? '' : `;transport=${uriTransport(transport.name)}`
  return `<sip:${ownAddress(core, transport, peerHost)}${parameter}>`
}
