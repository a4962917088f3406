import { systemChance } from './chance.ts'
import { ControlServer } from './control.ts'
import type { ControlOptions } from './control.ts'
import type { Core } from './core.ts'
import { openDns } from './dns.ts'
import type { Dns } from './dns.ts'
import { Engine } from './engine.ts'
import { HepExporter } from './hep-exporter.ts'
import type { HepOptions } from './hep-exporter.ts'
import { DEFAULT_LIMITS } from './limits.ts'
import { Guard } from './guard.ts'
import { DEFAULT_GUARD } from './guard-options.ts'
import type { Admission, Ban, GuardNotice, GuardOptions } from './guard-options.ts'
import type { SipServerLimits } from './limits.ts'
import { HandlerRouter } from './outside-router.ts'
import type { RequestHandler } from './request-handler.ts'
import { DEFAULT_OVERLOAD, Overload } from './overload.ts'
import type { OverloadOptions } from './overload.ts'
import type { Party } from './parties.ts'
import type { SipServerStats } from './stats.ts'
import { FineClock, TappedReceiver, tapSending } from './tap.ts'
import type { Tap } from './tap.ts'
import { StreamTransport } from './stream-transport.ts'
import { TlsContext } from './tls-context.ts'
import type { TlsCertificates, TlsOptions } from './tls-context.ts'
import type { TimerValues } from './timers.ts'
import { TraceStore } from './trace.ts'
import type { SipTrace, TraceLimits } from './trace.ts'
import { advertisedHost, hostInUri } from './transport.ts'
import type { Understood } from './understanding.ts'
import type { ListenOptions, Receiver, Transport, TransportName } from './transport.ts'
import { UdpTransport } from './udp.ts'
import { busyShareOfLoop, Unread } from './unread.ts'
import { WebSocketTransport } from './websocket-transport.ts'

export interface SipServerOptions {
  /** Where to listen for SIP. None is allowed: applications may connect, and nobody can call. */
  readonly listen: readonly ListenOptions[]
  /** Where applications connect. */
  readonly control: ControlOptions
  /** Who says whose a new request is, by method; none: applications ask for requests themselves. */
  readonly requestHandlers?: readonly RequestHandler[]
  /** DNS servers to ask, `address` or `address:port`; none: those of the machine. */
  readonly dnsServers?: readonly string[]
  /** What a request too large for UDP goes over, where its URI leaves that to us (RFC 3261 §18.1.1). Default: tcp. */
  readonly largeRequests?: 'tcp' | 'udp'
  /** The addresses peers are told (Via, Contact) in place of the bound ones: NAT, or a wildcard. One of each family at most. */
  readonly publicAddresses?: readonly string[]
  /** Certificates; needed to listen on `tls` and `wss`. */
  readonly tls?: TlsOptions
  /** Web origins whose pages may connect over WebSocket; empty or absent: all. */
  readonly webSocketOrigins?: readonly string[]
  readonly limits?: Partial<SipServerLimits>
  /** What applications understand of SIP: other requests get 420 and 415 by themselves. Absent: applications judge (and proxy) them. */
  readonly understands?: Understood
  /**
   * Applications answer a cancelled INVITE themselves, with 487 and headers of theirs; those that say nothing for `cancelAnswerMs` are
   * spoken for. Absent: the server answers at once, as drachtio-server does.
   */
  readonly asksForEnds?: boolean
  /** Watches who sends what, with these instead of the defaults; absent: nobody is watched. */
  readonly guard?: Partial<GuardOptions>
  /** Turns new calls away while applications or the server are late, with these instead of the defaults; absent: never. */
  readonly overload?: Partial<OverloadOptions>
  /** T1, T2 and T4; T2 and T4 keep their proportion to T1 unless given. */
  readonly timers?: TimerValues
  /** Remembers the messages of the latest calls; unset: nothing is remembered. */
  readonly trace?: Pick<TraceLimits, 'maxBytes' | 'maxMessagesPerCall'>
  /** Tells a capture server of every message; unset: nobody is told. */
  readonly hep?: HepOptions
  /** Told of what goes wrong in the server's own house; never called for each message. */
  readonly onLog?: (level: 'info' | 'warn', message: string) => void
  /** Told of bans, and of trusted sources that are over a limit; never for each message. */
  readonly onNotice?: (notice: GuardNotice) => void
}

/** An address we listen on, as bound. */
export interface ListeningAddress {
  readonly transport: TransportName
  readonly host: string
  readonly port: number
}

/** What can be asked of a running server from outside: arguments and results are plain data, since they cross its thread. */
export interface SipServerControls {
  stats(): SipServerStats
  /** Who is trusted, and what everybody else may begin with. Holds from the next message on. */
  setAdmission(admission: Admission): void
  /** Whose requests are counted apart. Holds from the next request on. */
  setParties(parties: readonly Party[]): void
  /** The sources nobody listens to for now, the latest first. */
  bans(): Ban[]
  /** False when there was no such ban. */
  liftBan(address: string): boolean
  /** What is remembered of these Call-IDs; null when nothing is, by choice. */
  trace(callIds: readonly string[]): SipTrace | null
  /** Messages that what the expression matches was masked in; null: none are kept. */
  maskTraces(pattern: string): number | null
  /** New TLS connections see these certificates; the open ones go on. Throws when they do not belong together. */
  replaceCertificates(certificates: TlsCertificates): void
}

/** drachtio-srf wants `vX.Y.Z`, and sends pings from 0.8.2 on. */
const SERVER_VERSION = 'v0.9.10-dce'

/** The SIP server: transports, engine and control protocol put together (RFC 3261 §5). */
export class SipServer implements SipServerControls {
  readonly #engine: Engine
  readonly #core: Core
  readonly #control: ControlServer
  readonly #trace: TraceStore | null
  readonly #hep: HepExporter | null
  readonly #clock = new FineClock()
  readonly #tls: TlsContext | null
  readonly #unread = new Unread(() => performance.now(), busyShareOfLoop())
  #closing: Promise<void> | null = null

  private constructor(options: SipServerOptions, limits: SipServerLimits, control: ControlServer, dns: Dns) {
    this.#control = control
    this.#tls = options.tls === undefined ? null : new TlsContext(options.tls)
    this.#engine = new Engine({
      limits,
      timers: options.timers ?? {},
      dns,
      largeRequests: options.largeRequests ?? 'tcp',
      publicAddresses: options.publicAddresses ?? [],
      router: control.applications,
      outside: outsideOf(options, limits, control),
      chance: systemChance,
      understands: options.understands,
      asksForEnds: options.asksForEnds ?? false,
      guard: guardOf(options),
      overload: overloadOf(options, this.#unread),
      reading: this.#unread,
      nowMs: performance.now(),
      onLog: options.onLog ?? (() => undefined),
    })
    this.#core = this.#engine.core
    this.#trace = options.trace
      ? new TraceStore({ ...options.trace, maxCalls: limits.maxTracedCalls, maxAnswer: limits.maxTraceAnswer })
      : null
    this.#hep = options.hep
      ? new HepExporter(options.hep, limits.maxHepQueueBytes, (text) => options.onLog?.('warn', text))
      : null
  }

  /** Starts a server. Rejects, with nothing left open, when an address cannot be had. */
  static async start(options: SipServerOptions): Promise<SipServer> {
    const limits = { ...DEFAULT_LIMITS, ...options.limits }
    const dns = openDns({ servers: options.dnsServers ?? [], timeoutMs: limits.dnsTimeoutMs })
    const control = await ControlServer.listen(options.control, limits)
    const server = new SipServer(options, limits, control, dns)
    try {
      for (const listen of options.listen) server.#core.transports.push(await server.#open(listen, options, limits))
    } catch (error) {
      await server.close()
      throw error
    }
    server.#core.wheel.start()
    control.serve(server.#engine.actions, server.#greeting())
    return server
  }

  /** Taps stand between the transport and everything else; without them nothing is in between. */
  async #open(listen: ListenOptions, options: SipServerOptions, limits: SipServerLimits): Promise<Transport> {
    const taps: Tap[] = []
    if (this.#trace !== null) taps.push(this.#trace)
    if (this.#hep !== null) taps.push(this.#hep)
    if (taps.length === 0) return this.#listen(listen, options, limits, this.#engine)
    const receiver = new TappedReceiver(this.#engine, taps, this.#clock)
    const transport = await this.#listen(listen, options, limits, receiver)
    tapSending(transport, taps, this.#clock)
    return transport
  }

  /** The one place that knows every transport by name. */
  #listen(
    listen: ListenOptions,
    options: SipServerOptions,
    limits: SipServerLimits,
    receiver: Receiver,
  ): Promise<Transport> {
    const webSocket = { origins: options.webSocketOrigins ?? [] }
    switch (listen.transport) {
      case 'udp':
        return UdpTransport.listen(listen, receiver, limits)
      case 'tcp':
        return StreamTransport.listen(listen, receiver, limits, null)
      case 'tls':
        return StreamTransport.listen(listen, receiver, limits, this.#tlsFor(listen))
      case 'ws':
        return WebSocketTransport.listen(listen, receiver, limits, null, webSocket)
      case 'wss':
        return WebSocketTransport.listen(listen, receiver, limits, this.#tlsFor(listen), webSocket)
    }
  }

  #tlsFor({ transport }: ListenOptions): TlsContext {
    if (this.#tls === null) throw new TypeError(`listening on ${transport} needs a certificate`)
    return this.#tls
  }

  /** `proto/host:port` of every transport, as peers see it; the version; the same as bound. */
  #greeting(): string {
    const { transports, publicAddresses } = this.#core
    const list = (hostOf: (transport: Transport) => string) =>
      transports.map((each) => `${each.name}/${hostInUri(hostOf(each))}:${each.port}`).join(',')
    const outside = list((each) => advertisedHost(each, each.host, publicAddresses))
    return `${outside}|${SERVER_VERSION}|${list((each) => each.host)}`
  }

  get controlPort(): number {
    return this.#control.port
  }

  /** Every bound address, in the order they were listed. */
  get listening(): ListeningAddress[] {
    return this.#core.transports.map(({ name, host, port }) => ({ transport: name, host, port }))
  }

  replaceCertificates(certificates: TlsCertificates): void {
    const isForControl = this.#control.replaceCertificate(certificates)
    if (this.#tls === null && !isForControl) throw new Error('nothing here listens with a certificate')
    this.#tls?.replace(certificates)
  }

  stats(): SipServerStats {
    const { transactions, dialogs, counters, transports } = this.#core
    const cpu = process.threadCpuUsage()
    const connections = { tcp: 0, tls: 0, ws: 0, wss: 0 }
    for (const transport of transports)
      if (transport instanceof StreamTransport || transport instanceof WebSocketTransport)
        connections[transport.name] += transport.connectionCount
    return {
      openTransactions: transactions.open,
      lingeringTransactions: transactions.lingering,
      dialogs: dialogs.size,
      connections,
      flows: this.#core.flows.size,
      applications: this.#control.connectionCount,
      routes: this.#control.applications.routes(),
      received: counters.totals('in'),
      sent: counters.totals('out'),
      messages: counters.messages(),
      parties: this.#core.parties.counts(),
      retransmissionsReceived: counters.retransmissionsReceived,
      retransmissionsSent: counters.retransmissionsSent,
      parseFailures: counters.parseFailures,
      dropped: counters.dropped,
      sendErrors: counters.sendErrors,
      internalErrors: counters.internalErrors,
      overLimit: counters.overLimit,
      guard: this.#core.guard?.stats() ?? null,
      overload: this.#core.overload?.stats() ?? null,
      tracedCalls: this.#trace?.calls ?? null,
      hep: this.#hep?.stats ?? null,
      cpuMicros: cpu.user + cpu.system,
    }
  }

  setAdmission(admission: Admission): void {
    this.#core.guard?.setAdmission(admission)
  }

  setParties(parties: readonly Party[]): void {
    this.#core.parties.set(parties)
  }

  bans(): Ban[] {
    return this.#core.guard?.bans() ?? []
  }

  liftBan(address: string): boolean {
    return this.#core.guard?.lift(address) ?? false
  }

  trace(callIds: readonly string[]): SipTrace | null {
    return this.#trace?.find(callIds) ?? null
  }

  maskTraces(pattern: string): number | null {
    return this.#trace?.mask(pattern) ?? null
  }

  /** Closes every socket. Says nothing to peers: ending calls first is the application's affair. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#core.wheel.stop()
    this.#hep?.close()
    await Promise.all([this.#control.close(), ...this.#core.transports.map((transport) => transport.close())])
  }
}

function overloadOf({ overload }: SipServerOptions, unread: Unread): Overload | null {
  if (overload === undefined) return null
  return new Overload(
    { ...DEFAULT_OVERLOAD, ...overload },
    () => performance.now(),
    () => unread.take(),
  )
}

function guardOf({ guard, onNotice }: SipServerOptions): Guard | null {
  if (guard === undefined) return null
  return new Guard({ ...DEFAULT_GUARD, ...guard }, onNotice ?? (() => undefined), () => performance.now())
}

function outsideOf(options: SipServerOptions, limits: SipServerLimits, control: ControlServer): HandlerRouter | null {
  const { requestHandlers: handlers = [], onLog: log = () => undefined } = options
  if (handlers.length === 0) return null
  return new HandlerRouter({ handlers, control, limits, userAgent: `Drachtio/${SERVER_VERSION.slice(1)}`, log })
}
