import type { GuardStats } from './guard-options.ts'

/** What `stats()` of the server answers. Plain data: it crosses the thread. */
export interface SipServerStats {
  /** Transactions that still wait for something to happen. */
  readonly openTransactions: number
  /** Transactions finished, kept only to absorb retransmissions. */
  readonly lingeringTransactions: number
  readonly dialogs: number
  readonly tcpConnections: number
  readonly applications: number
  /** Methods that some application wants, in lower case. */
  readonly routes: readonly string[]
  /** Requests by method, responses as `2xx` and so on; methods we do not know count as `other`. */
  readonly received: Readonly<Record<string, number>>
  readonly sent: Readonly<Record<string, number>>
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
  /** CPU time that the server's thread has used, microseconds. */
  readonly cpuMicros: number
}

const METHODS = [
  'INVITE',
  'ACK',
  'BYE',
  'CANCEL',
  'OPTIONS',
  'INFO',
  'UPDATE',
  'REGISTER',
  'MESSAGE',
  'NOTIFY',
  'SUBSCRIBE',
  'REFER',
  'PRACK',
  'PUBLISH',
]
const CLASSES = ['', '1xx', '2xx', '3xx', '4xx', '5xx', '6xx']

function emptyCounts(): Map<string, number> {
  return new Map([...METHODS, 'other', ...CLASSES.slice(1)].map((name) => [name, 0]))
}

/** Counters of one server. */
export class Counters {
  readonly received = emptyCounts()
  readonly sent = emptyCounts()
  retransmissionsReceived = 0
  retransmissionsSent = 0
  parseFailures = 0
  dropped = 0
  sendErrors = 0
  internalErrors = 0
  overLimit = 0

  countReceived(method: string, status: number): void {
    count(this.received, method, status)
  }

  countSent(method: string, status: number): void {
    count(this.sent, method, status)
  }
}

function count(counts: Map<string, number>, method: string, status: number): void {
  const known = status === 0 ? method : CLASSES[Math.floor(status / 100)]!
  const before = counts.get(known)
  // Peers invent method names; the table must not grow with them.
  if (before === undefined) counts.set('other', counts.get('other')! + 1)
  else counts.set(known, before + 1)
}
