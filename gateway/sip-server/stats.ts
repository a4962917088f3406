import { METHODS } from './methods.ts'
import type { GuardStats } from './guard-options.ts'
import type { OverloadStats } from './overload.ts'
import type { PartyCount } from './parties.ts'
import type { HepStats } from './hep-exporter.ts'
import type { Direction } from './tap.ts'
import type { ConnectionTransportName, TransportName } from './transport.ts'

/** Messages of one kind; retransmissions of ours are counted apart. */
export interface MessageCount {
  readonly direction: Direction
  readonly transport: TransportName
  /** A method, a status, or `other` for what we do not know. */
  readonly kind: string
  readonly count: number
}

/** What `stats()` of the server answers. Plain data: it crosses the thread. */
export interface SipServerStats {
  /** Transactions that still wait for something to happen. */
  readonly openTransactions: number
  /** Transactions finished, kept only to absorb retransmissions. */
  readonly lingeringTransactions: number
  readonly dialogs: number
  /** Connections by transport; handshakes are not counted here. */
  readonly connections: Readonly<Record<ConnectionTransportName, number>>
  /** Contacts of registered clients that are reached over their connection. */
  readonly flows: number
  readonly applications: number
  /** Methods that some application wants, in lower case. */
  readonly routes: readonly string[]
  /** Requests by method, responses as `2xx` and so on; methods we do not know count as `other`. */
  readonly received: Readonly<Record<string, number>>
  readonly sent: Readonly<Record<string, number>>
  /** The same by transport and by each status. */
  readonly messages: readonly MessageCount[]
  /** Finished requests of those who are counted apart. */
  readonly parties: readonly PartyCount[]
  readonly retransmissionsReceived: number
  readonly retransmissionsSent: number
  readonly parseFailures: number
  /** Messages thrown away: unanswerable garbage, responses and ACKs that belong to nothing. */
  readonly dropped: number
  readonly sendErrors: number
  /** Messages and timers on which the server itself stumbled: each is a bug, survived and logged. */
  readonly internalErrors: number
  /** Requests refused because a limit was reached. */
  readonly overLimit: number
  /** What was kept out; null when nobody is watched. */
  readonly guard: GuardStats | null
  /** Whether new calls are turned away; null when they never are. */
  readonly overload: OverloadStats | null
  /** Calls whose messages are remembered; null when none are by choice. */
  readonly tracedCalls: number | null
  /** Null when messages are not exported. */
  readonly hep: HepStats | null
  /** CPU time that the server's thread has used, microseconds. */
  readonly cpuMicros: number
}

const COUNTED = [...METHODS, 'ACK', 'CANCEL']
const CLASSES = ['1xx', '2xx', '3xx', '4xx', '5xx', '6xx']
const LAST_STATUS = 699

/** Messages of one direction and transport by method and status: a table that peers cannot make grow. */
class KindCounts {
  readonly methods = new Map([...COUNTED, 'other'].map((method) => [method, 0]))
  readonly statuses = new Uint32Array(LAST_STATUS + 1)

  count(method: string, status: number): void {
    if (status !== 0) {
      this.statuses[Math.min(status, LAST_STATUS)]!++
      return
    }
    const known = this.methods.has(method) ? method : 'other'
    this.methods.set(known, this.methods.get(known)! + 1)
  }

  *kinds(): Generator<{ kind: string; count: number }> {
    for (const [kind, count] of this.methods) if (count > 0) yield { kind, count }
    for (const [status, count] of this.statuses.entries()) if (count > 0) yield { kind: String(status), count }
  }
}

/** Counters of one server. */
export class Counters {
  readonly #received = new Map<TransportName, KindCounts>()
  readonly #sent = new Map<TransportName, KindCounts>()
  retransmissionsReceived = 0
  retransmissionsSent = 0
  parseFailures = 0
  dropped = 0
  sendErrors = 0
  internalErrors = 0
  overLimit = 0

  /** `status` is 0 for a request. */
  countReceived(method: string, status: number, transport: TransportName): void {
    countsOf(this.#received, transport).count(method, status)
  }

  countSent(method: string, status: number, transport: TransportName): void {
    countsOf(this.#sent, transport).count(method, status)
  }

  messages(): MessageCount[] {
    const list: MessageCount[] = []
    for (const [direction, byTransport] of [
      ['in', this.#received],
      ['out', this.#sent],
    ] as const)
      for (const [transport, counts] of byTransport)
        for (const each of counts.kinds()) list.push({ direction, transport, ...each })
    return list
  }

  /** Over all transports: requests by method, responses by class. */
  totals(direction: Direction): Record<string, number> {
    const totals = Object.fromEntries([...METHODS, 'other', ...CLASSES].map((name) => [name, 0]))
    for (const each of this.messages()) {
      if (each.direction !== direction) continue
      const name = /^\d/.test(each.kind) ? `${each.kind[0]}xx` : each.kind
      totals[name] = totals[name]! + each.count
    }
    return totals
  }
}

function countsOf(table: Map<TransportName, KindCounts>, transport: TransportName): KindCounts {
  let counts = table.get(transport)
  if (counts === undefined) table.set(transport, (counts = new KindCounts()))
  return counts
}
