import { ControlServer } from './control.ts'
import type { ControlOptions } from './control.ts'
import type { Core } from './core.ts'
import type { Dialog } from './state.ts'
import { Dialogs } from './dialogs.ts'
import { HangUp } from './hang-up.ts'
import { DEFAULT_LIMITS } from './limits.ts'
import type { SipServerLimits } from './limits.ts'
import { Locator } from './locate.ts'
import type { ParseFailure, SipMessage } from './message.ts'
import { Counters } from './stats.ts'
import type { SipServerStats } from './stats.ts'
import { TcpTransport } from './tcp.ts'
import { TimerWheel } from './timer-wheel.ts'
import { timersFrom } from './timers.ts'
import type { TimerValues } from './timers.ts'
import { Transactions } from './transactions.ts'
import type { TransactionUser } from './transactions.ts'
import { advertisedHost, hostInUri } from './transport.ts'
import type { ListenOptions, Peer, Receiver, Transport } from './transport.ts'
import { UacAnswers } from './uac-answers.ts'
import { Uac } from './uac.ts'
import { UasAnswers } from './uas-answers.ts'
import { Uas } from './uas.ts'
import { UdpTransport } from './udp.ts'

export interface SipServerOptions {
  /** Where to listen for SIP. None is allowed: applications may connect, and nobody can call. */
  readonly listen: readonly ListenOptions[]
  /** Where applications connect. */
  readonly control: ControlOptions
  /** The address peers are told (Via, Contact) in place of the bound one: NAT, or a wildcard. */
  readonly publicAddress?: string
  readonly limits?: Partial<SipServerLimits>
  /** For tests: a small T1 makes every timer small. */
  readonly timers?: TimerValues
  /** Told of what goes wrong in the server's own house; never called for each message. */
  readonly onLog?: (level: 'info' | 'warn', message: string) => void
}

/** A bound address. */
export interface BoundAddress {
  readonly host: string
  readonly port: number
}

/** What can be asked of a running server from outside: arguments and results are plain data, since they cross its thread. */
export interface SipServerControls {
  stats(): SipServerStats
}

/** drachtio-srf wants `vX.Y.Z`, and sends pings from 0.8.2 on. */
const SERVER_VERSION = 'v0.9.10-dce'

/** The SIP server: transports, transactions, user agents and control protocol put together (RFC 3261 §5). */
export class SipServer implements Receiver, TransactionUser, SipServerControls {
  readonly #core: Core
  readonly #control: ControlServer
  readonly #hangUp: HangUp
  readonly #uas: Uas
  readonly #uasAnswers: UasAnswers
  readonly #uacAnswers: UacAnswers
  readonly #log: (level: 'info' | 'warn', message: string) => void
  #closing: Promise<void> | null = null

  private constructor(options: SipServerOptions, limits: SipServerLimits, control: ControlServer) {
    this.#log = options.onLog ?? (() => undefined)
    const timers = timersFrom(options.timers)
    const wheel = new TimerWheel(Math.min(50, Math.max(2, timers.t1Ms / 10)), performance.now(), (error) =>
      this.onInternalError(error),
    )
    const counters = new Counters()
    this.#control = control
    this.#core = {
      timers,
      wheel,
      counters,
      limits,
      transports: [],
      publicAddress: options.publicAddress ?? null,
      dialogs: new Dialogs(),
      locator: new Locator(),
      router: control,
      transactions: new Transactions(timers, wheel, counters, this),
    }
    const dialogRunner = { dialogTimer: (dialog: Dialog, name: string) => this.#onDialogTimer(dialog, name) }
    this.#hangUp = new HangUp(this.#core)
    this.#uasAnswers = new UasAnswers(this.#core, dialogRunner)
    this.#uas = new Uas(this.#core, this.#uasAnswers)
    this.#uacAnswers = new UacAnswers(this.#core, dialogRunner, this.#hangUp)
  }

  /** Starts a server. Rejects, with nothing left open, when an address cannot be had. */
  static async start(options: SipServerOptions): Promise<SipServer> {
    const limits = { ...DEFAULT_LIMITS, ...options.limits }
    const control = await ControlServer.listen(options.control, limits)
    const server = new SipServer(options, limits, control)
    try {
      for (const listen of options.listen) server.#core.transports.push(await openTransport(listen, server, limits))
    } catch (error) {
      await server.close()
      throw error
    }
    server.#core.wheel.start()
    server.#serve()
    return server
  }

  #serve(): void {
    const uac = new Uac(this.#core, this.#uacAnswers)
    const uas = this.#uasAnswers
    const { dialogs } = this.#core
    this.#control.serve(
      {
        respond: (...args) => uas.respond(...args),
        sendInDialog: (...args) => uac.sendInDialog(...args),
        cancel: (...args) => uac.cancel(...args),
        sendNew: (...args) => uac.sendNew(...args),
        dialogOfCall: (_app, request) => dialogs.findForAppRequest(request)?.id ?? '',
        onInternalError: (error) => this.onInternalError(error),
        closed: (app) => {
          for (const dialog of dialogs.ownedBy(app)) dialogs.remove(dialog)
          uas.onApplicationClosed(app)
          this.#uacAnswers.onApplicationClosed(app)
        },
      },
      this.#greeting(),
    )
  }

  /** `proto/host:port` of every transport, as peers see it; the version; the same as bound. */
  #greeting(): string {
    const { transports, publicAddress } = this.#core
    const list = (hostOf: (transport: Transport) => string) =>
      transports.map((each) => `${each.name}/${hostInUri(hostOf(each))}:${each.port}`).join(',')
    const outside = list((each) => publicAddress ?? advertisedHost(each, each.host, null))
    return `${outside}|${SERVER_VERSION}|${list((each) => each.host)}`
  }

  get controlPort(): number {
    return this.#control.port
  }

  /** The bound addresses of one transport, in the order they were listed. */
  addresses(name: string): BoundAddress[] {
    return this.#core.transports.filter((each) => each.name === name).map(({ host, port }) => ({ host, port }))
  }

  stats(): SipServerStats {
    const { transactions, dialogs, counters, transports } = this.#core
    const cpu = process.threadCpuUsage()
    let tcpConnections = 0
    for (const transport of transports)
      if (transport instanceof TcpTransport) tcpConnections += transport.connectionCount
    return {
      openTransactions: transactions.open,
      lingeringTransactions: transactions.lingering,
      dialogs: dialogs.size,
      tcpConnections,
      applications: this.#control.connectionCount,
      routes: this.#control.routes(),
      received: Object.fromEntries(counters.received),
      sent: Object.fromEntries(counters.sent),
      retransmissionsReceived: counters.retransmissionsReceived,
      retransmissionsSent: counters.retransmissionsSent,
      parseFailures: counters.parseFailures,
      dropped: counters.dropped,
      sendErrors: counters.sendErrors,
      internalErrors: counters.internalErrors,
      overLimit: counters.overLimit,
      cpuMicros: cpu.user + cpu.system,
    }
  }

  /** Closes every socket. Says nothing to peers: ending calls first is the application's affair. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#core.wheel.stop()
    await Promise.all([this.#control.close(), ...this.#core.transports.map((transport) => transport.close())])
  }

  onMessage(message: SipMessage, peer: Peer): void {
    const { counters, transactions } = this.#core
    counters.countReceived(message.method, message.status)
    try {
      if (message.isRequest) transactions.receiveRequest(message, peer)
      else transactions.receiveResponse(message, peer)
    } catch (error) {
      this.onInternalError(error)
    }
  }

  /** A bug of ours met by one message: the calls beside it go on. */
  onInternalError(error: unknown): void {
    this.#core.counters.internalErrors++
    this.#log('warn', `internal error: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`)
  }

  onParseFailure(failure: ParseFailure, peer: Peer): void {
    const { counters } = this.#core
    counters.parseFailures++
    const { status, partial } = failure
    // Without a Via there is nowhere to answer to; an ACK and a response are never answered.
    if (status === null || partial === null || partial.topVia === null || !partial.isRequest) {
      counters.dropped++
      return
    }
    this.#uas.respondStatelessly(partial, peer, status, failure.reason)
  }

  onSendError(error: Error): void {
    this.#core.counters.sendErrors++
    // One line for the first: a peer that is gone would fill the log.
    if (this.#core.counters.sendErrors === 1) this.#log('warn', `sending failed: ${error.message}`)
  }

  onRequest(request: SipMessage, source: Peer): void {
    this.#uas.onRequest(request, source)
  }

  onCancel(...args: Parameters<TransactionUser['onCancel']>): void {
    this.#uas.onCancel(...args)
  }

  onAck(ack: SipMessage, source: Peer): void {
    this.#uas.onAck(ack, source)
  }

  onServerTimer(...[transaction]: Parameters<TransactionUser['onServerTimer']>): void {
    this.#uasAnswers.onTimer(transaction)
  }

  onResponse(...args: Parameters<TransactionUser['onResponse']>): void {
    this.#uacAnswers.onResponse(...args)
  }

  onClientFailure(...args: Parameters<TransactionUser['onClientFailure']>): void {
    this.#uacAnswers.onFailure(...args)
  }

  onClientTimer(...args: Parameters<TransactionUser['onClientTimer']>): void {
    this.#uacAnswers.onTimer(...args)
  }

  #onDialogTimer(dialog: Dialog, name: string): void {
    switch (name) {
      case 'answer-again':
        return this.#uasAnswers.repeatAnswer(dialog)
      case 'no-ack':
        return this.#hangUp.end(dialog, dialog.isCancelledLate ? 'CANCEL after 200 OK' : 'ACK timeout')
      case 'late-cancel':
        return this.#hangUp.end(dialog, 'CANCEL after 200 OK')
      default:
        return this.#hangUp.end(dialog, 'Session timer expired')
    }
  }
}

/** The one place that knows every transport by name. */
function openTransport(listen: ListenOptions, receiver: Receiver, limits: SipServerLimits): Promise<Transport> {
  return listen.transport === 'udp'
    ? UdpTransport.listen(listen, receiver, limits)
    : TcpTransport.listen(listen, receiver, limits)
}
