import { once } from 'node:events'
import type { EventEmitter } from 'node:events'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import Srf from 'drachtio-srf'
import { startSipServer } from '../../gateway/sip-server/start.ts'
import type { SipServerHandle, StartOptions } from '../../gateway/sip-server/start.ts'
import type { TransportName } from '../../gateway/sip-server/transport.ts'
import { SipPeer } from './sip-peer.ts'
import type { WireOptions } from './sip-wire.ts'

const SECRET = 'cymru'

/** What tests use of drachtio-srf, typed as it behaves: its own types leave most of this out. */
export interface App {
  createUAS(req: AppRequest, res: AppResponse, options: Options): Promise<AppDialog>
  createUAC(uri: string, options: Options, callbacks?: Callbacks): Promise<AppDialog>
  createB2BUA(
    req: AppRequest,
    res: AppResponse,
    uri: string,
    options: Options,
    callbacks?: Callbacks,
  ): Promise<{ uas: AppDialog; uac: AppDialog }>
  request(uri: string, options: Options): Promise<AppRequest>
  request(uri: string, options: Options, callback: (error: Error | null, req: AppRequest) => void): void
  disconnect(): void
}
type Options = Record<string, unknown>
interface Callbacks {
  readonly cbRequest?: (error: Error | null, req: AppRequest) => void
  readonly cbProvisional?: (res: AppResponse) => void
}
interface AppMessage extends EventEmitter {
  readonly method: string
  readonly status: number
  readonly body: string
  readonly uri: string
  get(name: string): string
  has(name: string): boolean
}
export interface AppRequest extends AppMessage {
  cancel(options?: Options): void
}
export interface AppResponse extends AppMessage {
  send(status: number, options?: Options, callback?: (error: Error | string | null, sent: AppMessage) => void): void
}
export interface AppDialog extends EventEmitter {
  readonly id: string
  readonly sip: { readonly callId: string; readonly localTag: string; readonly remoteTag: string }
  readonly remote: { readonly uri: string; readonly sdp: string }
  destroy(options?: Options): Promise<unknown>
  modify(sdp: string): Promise<string>
  request(options: Options): Promise<AppResponse>
}
export type Handler = (req: AppRequest, res: AppResponse) => unknown

/** A SIP server of a test, with everything that talks to it; `close` ends them all. */
export class TestServer {
  readonly handle: SipServerHandle
  readonly logged: string[]
  readonly #closers: (() => Promise<void> | void)[] = []

  private constructor(handle: SipServerHandle, logged: string[]) {
    this.handle = handle
    this.logged = logged
  }

  /** On free ports of 127.0.0.1, UDP and TCP, in this process unless told otherwise. */
  static async start(options: Partial<StartOptions> = {}): Promise<TestServer> {
    const logged: string[] = []
    const handle = await startSipServer({
      listen: [
        { transport: 'udp', host: '127.0.0.1', port: 0 },
        { transport: 'tcp', host: '127.0.0.1', port: 0 },
      ],
      control: { host: '127.0.0.1', port: 0, secret: SECRET },
      inThread: false,
      onLog: (_level, text) => void logged.push(text),
      ...options,
    })
    return new TestServer(handle, logged)
  }

  /** The port of a transport, of IPv6 where asked. */
  port(transport: TransportName, family: 4 | 6 = 4): number {
    const isV6 = family === 6
    const found = this.handle.listening.filter((each) => each.transport === transport)
    return (found.find((each) => each.host.includes(':') === isV6) ?? found[0]!).port
  }

  async peer(transport: TransportName = 'udp', options: WireOptions & { family?: 4 | 6 } = {}): Promise<SipPeer> {
    const { family = 4, ...more } = options
    const place = { host: family === 6 ? '::1' : '127.0.0.1', port: this.port(transport, family) }
    const peer = await SipPeer.open(transport, place, more)
    this.#closers.push(() => peer.close())
    return peer
  }

  /** An unmodified drachtio-srf, connected, its handlers asked for and known to the server. */
  async srf(handlers: Readonly<Record<string, Handler>> = {}): Promise<App> {
    const srf = new Srf()
    srf.on('error', () => undefined)
    void srf.connect({ host: '127.0.0.1', port: this.handle.controlPort, secret: SECRET })
    await once(srf, 'connect')
    this.#closers.push(() => srf.disconnect())
    handleRequests(srf, handlers)
    const methods = Object.keys(handlers)
    await eventually(async () => {
      const { routes } = await this.handle.stats()
      return methods.every((method) => routes.includes(method))
    })
    return asApp(srf)
  }

  /** A raw application: authenticated, and saying only what the test says. */
  application(...routes: string[]): Promise<RawApplication> {
    return this.taggedApplication('', ...routes)
  }

  /** The same, with these tags. */
  async taggedApplication(tags: string, ...routes: string[]): Promise<RawApplication> {
    const app = await RawApplication.connect(this.handle.controlPort)
    this.#closers.push(() => app.close())
    await app.ask(`authenticate|${SECRET}|${tags}`)
    for (const method of routes) await app.ask(`route|${method}`)
    return app
  }

  async close(): Promise<void> {
    for (const close of this.#closers.toReversed()) await close()
    await this.handle.close()
  }
}

// oxlint-disable-next-line typescript/no-explicit-any -- the types of drachtio-srf and its behaviour differ
export function asApp(srf: any): App {
  return srf
}

/** Gives a drachtio-srf its handlers, by method in lower case. */
export function handleRequests(srf: Srf, handlers: Readonly<Record<string, Handler>>): void {
  for (const [method, handler] of Object.entries(handlers)) {
    // drachtio-srf makes a function for every method; its types name none of them.
    const register: unknown = Reflect.get(srf, method)
    if (typeof register === 'function') Reflect.apply(register, srf, [handler])
  }
}

/** The control protocol by hand: frames in, frames out. */
export class RawApplication {
  readonly socket: Socket
  /** Payloads received and not yet taken. */
  readonly frames: string[] = []
  /** Each chunk as it was read, for tests of what shares a write. */
  readonly chunks: string[] = []
  #buffer = ''
  #nextId = 1
  #waiting: (() => void)[] = []
  isClosed = false

  private constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', (chunk) => {
      const text = chunk.toString('latin1')
      this.chunks.push(text)
      this.#buffer += text
      for (;;) {
        const hash = this.#buffer.indexOf('#')
        if (hash === -1) break
        const end = hash + 1 + Number(this.#buffer.slice(0, hash))
        if (this.#buffer.length < end) break
        this.frames.push(this.#buffer.slice(hash + 1, end))
        this.#buffer = this.#buffer.slice(end)
      }
      this.#wake()
    })
    socket.on('error', () => undefined)
    socket.on('close', () => {
      this.isClosed = true
      this.#wake()
    })
  }

  static async connect(port: number): Promise<RawApplication> {
    const socket = connect(port, '127.0.0.1')
    await once(socket, 'connect')
    return new RawApplication(socket)
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake()
  }

  /** Sends a frame with a fresh id, and answers that id. */
  send(rest: string): string {
    const id = `m${this.#nextId++}`
    const payload = `${id}|${rest}`
    this.socket.write(`${Buffer.byteLength(payload, 'latin1')}#${payload}`, 'latin1')
    return id
  }

  /** Sends a frame and waits for its `response`. Answers the tokens after the id of the frame. */
  async ask(rest: string): Promise<string[]> {
    const id = this.send(rest)
    const payload = await this.frame((each) => each.split('|')[2] === id)
    return payload.split('\r')[0]!.split('|').slice(3)
  }

  /** The next `sip` frame whose message has this method or status. */
  async shown(what: string | number): Promise<{ tokens: string[]; text: string }> {
    const start = typeof what === 'number' ? `SIP/2.0 ${what} ` : `${what} `
    const payload = await this.frame((each) => each.split('|')[1] === 'sip' && each.includes(`\r\n${start}`))
    const end = payload.indexOf('\r\n')
    return { tokens: payload.slice(0, end).split('|'), text: payload.slice(end + 2) }
  }

  /** The first frame, received or yet to come, that matches. */
  async frame(matches: (payload: string) => boolean, timeoutMs = 20_000): Promise<string> {
    const deadline = Date.now() + timeoutMs
    for (;;) {
      const at = this.frames.findIndex(matches)
      if (at !== -1) return this.frames.splice(at, 1)[0]!
      if (this.isClosed || Date.now() > deadline)
        throw new Error(`no such frame; waiting are: ${this.frames.join('\n')}`)
      await this.#next(Math.max(1, deadline - Date.now()))
    }
  }

  async #next(timeoutMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, timeoutMs)
    this.#waiting.push(resolve)
    await promise
    clearTimeout(timer)
  }

  /** Resolves when the server has closed the connection. */
  async closed(): Promise<void> {
    while (!this.isClosed) await this.#next(5_000)
  }

  close(): void {
    this.socket.destroy()
  }
}

/** Waits until `isTrue`, asking again and again: for state that announces itself to nobody. */
export async function eventually(isTrue: () => boolean | Promise<boolean>, timeoutMs = 30_000): Promise<void> {
  const deadline = Date.now() + timeoutMs
  while (!(await isTrue())) {
    if (Date.now() > deadline) throw new Error('it did not come true in time')
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
