import type { EventEmitter } from 'node:events'
import { createRequire } from 'node:module'
import { createServer, type Socket } from 'node:net'
import { MediaUnavailable } from '../media-server.ts'
import type { EngineDialog, EngineSip } from '../needs.ts'
import { within } from './deadline.ts'
import type { FreeSwitchPlace, ReadOptions } from './freeswitch-options.ts'

/**
 * Our typed face of drachtio-fsmrf, which ships no types, and the only file that imports it. Its `Mrf.connect` is not used: a wrong
 * password leaves its promise unsettled, a FreeSWITCH that is away is tried again every millisecond, and a profile that is missing
 * ends the process. Here the event socket is opened first and each of these becomes a sentence; fsmrf's MediaServer gets a
 * connection that works.
 */
export interface FsEvent {
  getHeader(name: string): string | undefined
  getBody(): string
}

/** A channel of FreeSWITCH with its event socket. Emits `dtmf`, `destroy`. */
export interface FsEndpoint extends EventEmitter<{
  /** The duration in samples of 8000 Hz. */
  dtmf: [event: { readonly dtmf: string; readonly duration?: string | undefined }]
  destroy: [event?: { readonly reason?: string }]
}> {
  readonly uuid: string
  readonly local: { readonly sdp: string }
  readonly dialog: EngineDialog | null
  readonly conn: {
    removeAllListeners(event: 'error'): void
    /** The command with these headers; `reply` is called with its answer. */
    sendRecv(command: string, headers: Readonly<Record<string, string>>, reply: () => void): void
    /** Of this channel alone. */
    subscribe(event: string): void
    on(event: string, listener: () => void): void
  } | null
  readonly connected: boolean
  modify(sdp: string): Promise<unknown>
  bridge(uuid: string): Promise<unknown>
  unbridge(): Promise<unknown>
  play(file: string): Promise<unknown>
  /** Resolves when the application has ended. */
  execute(application: string, argument: string): Promise<unknown>
  api(command: string, args: readonly string[]): Promise<FsEvent>
  destroy(): Promise<unknown>
}

/** The event socket, of drachtio-modesl: an EventEmitter2 that keeps quiet about errors nobody listens to. */
interface Connection {
  socket: Socket | null
  /** It would connect again by itself, with pauses that grow without a limit; we do that. */
  closing?: boolean
  on(event: string, listener: (...args: never[]) => void): void
  api(command: string, callback: (event: FsEvent) => void): void
  connected(): boolean
}

interface FsMediaServer extends EventEmitter {
  /** With it set, fsmrf does not write to the console about a connection that we watch ourselves. */
  closing?: boolean
  readonly _server?: { readonly server: EventEmitter; close(): void }
  createEndpoint(options: { remoteSdp?: string; headers: Record<string, string> }): Promise<FsEndpoint>
}

type MediaServerClass = new (
  connection: Connection,
  mrf: { srf: unknown; customEvents: readonly string[] },
  listenAddress: string,
  listenPort: number,
  advertisedAddress: string,
  advertisedPort: number | undefined,
  profile: string,
) => FsMediaServer

const require = createRequire(import.meta.url)
const MediaServer = require('drachtio-fsmrf/lib/mediaserver.js') as MediaServerClass
/** Its own copy of the event socket library, whichever that is. */
const { Connection: EventSocket } = createRequire(require.resolve('drachtio-fsmrf'))('drachtio-modesl') as {
  Connection: new (host: string, port: number, password: string, ready: () => void) => Connection
}

/** The password is wrong or we may not connect from here: trying again would not help. */
export class FreeSwitchRefused extends MediaUnavailable {}

/** A FreeSWITCH that is connected, has the profile, and can make endpoints. */
export interface FsConnection {
  createEndpoint(remoteSdp: string | null, headers: Record<string, string>): Promise<FsEndpoint>
  /** Runs an API command and resolves to what it printed. The caller sees to it that the text is safe. */
  api(command: string): Promise<string>
  /** Called once when the event socket is gone, by whomever. */
  onLost(listener: () => void): void
  /** Endpoints there are live on: each has a socket of its own. */
  close(): void
}

/** Connects, or rejects with a MediaUnavailable that says in one sentence what is wrong. */
export async function connectFreeSwitch(
  place: FreeSwitchPlace,
  options: Pick<ReadOptions, 'secret' | 'profile' | 'listenAddress' | 'commandTimeoutMs'>,
  sip: EngineSip,
): Promise<FsConnection> {
  const where = `FreeSWITCH at ${place.host}:${place.port}`
  const { commandTimeoutMs: ms, listenAddress, profile } = options
  await checkListening(listenAddress)
  const socket = await within('open its event socket', ms, openEventSocket(where, place, options.secret))
  const api = (command: string): Promise<string> => {
    const { promise, resolve } = Promise.withResolvers<string>()
    socket.api(command, (event) => resolve(event.getBody()))
    return within(`answer ${command.split(' ')[0]}`, ms, promise)
  }
  try {
    const status = await api('sofia status')
    if (!new RegExp(`^\\s*${profile}\\s.*sip:mod_sofia@(?:\\d{1,3}\\.){3}\\d{1,3}:\\d+`, 'm').test(status))
      throw new MediaUnavailable(`${where} has no running sofia profile named ${profile} on IPv4`)
    const server = await within(`get ready at ${place.host}`, ms, openMediaServer(socket, options, sip))
    const close = (): void => {
      server._server?.close() // oxlint-disable-line no-underscore-dangle -- theirs, and there is no other way to it.
      socket.socket?.destroy()
    }
    return {
      api,
      close,
      createEndpoint: async (remoteSdp, headers) => {
        const endpoint = await server.createEndpoint({ ...(remoteSdp !== null && { remoteSdp }), headers })
        endpoint.conn?.removeAllListeners('error') // It writes to the console; its end, which follows, is enough for us.
        return endpoint
      },
      onLost: (listener) => socket.on('esl::end', listener),
    }
  } catch (error) {
    socket.socket?.destroy()
    throw error
  }
}

function openEventSocket(where: string, { host, port }: FreeSwitchPlace, secret: string): Promise<Connection> {
  const { promise, resolve, reject } = Promise.withResolvers<Connection>()
  const socket = new EventSocket(host, port, secret, () => resolve(socket))
  socket.closing = true
  socket.socket?.setNoDelay(true) // It writes a command in two pieces: Nagle's algorithm costs 40 ms each.
  const refuse = (error: Error): void => {
    reject(error)
    socket.socket?.destroy()
  }
  socket.on('error', (error: Error) => refuse(new MediaUnavailable(`${where} cannot be reached: ${error.message}`)))
  socket.on('esl::event::auth::fail', () =>
    refuse(new FreeSwitchRefused(`${where} refuses the password of its event socket`)),
  )
  socket.on('esl::event::raw::text/rude-rejection', () =>
    refuse(new FreeSwitchRefused(`${where} lets nobody connect from this address (apply-inbound-acl)`)),
  )
  socket.on('esl::end', () => refuse(new MediaUnavailable(`${where} closed the connection`)))
  return promise
}

function openMediaServer(
  socket: Connection,
  { listenAddress, profile }: Pick<ReadOptions, 'listenAddress' | 'profile'>,
  sip: EngineSip,
): Promise<FsMediaServer> {
  const { promise, resolve, reject } = Promise.withResolvers<FsMediaServer>()
  const api = socket.api.bind(socket)
  // fsmrf throws inside its callback when the profile has gone meanwhile, where nobody could catch it.
  socket.api = (command, callback) =>
    api(command, (event) => {
      try {
        callback(event)
      } catch (error) {
        reject(error instanceof Error ? error : new Error(String(error)))
      }
    })
  const mrf = { srf: { createUAC: invite }, customEvents: [] }
  const server = new MediaServer(socket, mrf, listenAddress, 0, listenAddress, undefined, profile)
  server.closing = true
  server.on('error', (error: Error) => reject(new MediaUnavailable(error.message)))
  server.once('ready', () => {
    // oxlint-disable-next-line no-underscore-dangle -- theirs, and there is no other way to it.
    server._server?.server.on('connection', (each: Socket) => each.setNoDelay(true))
    resolve(server)
  })
  return promise

  /** fsmrf gives a dialog up, after its 4 s, without looking whether that worked. */
  async function invite(uri: string, options: { headers: Record<string, string>; localSdp?: string }) {
    const dialog = await sip.invite(uri, options)
    const destroy = dialog.destroy.bind(dialog)
    return Object.assign(dialog, { destroy: () => destroy().catch(() => undefined) })
  }
}

/** fsmrf has no ear for the failure of its listener: an address that is not ours would end the process. */
async function checkListening(address: string): Promise<void> {
  const probe = createServer()
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  probe.once('error', (error) =>
    reject(new FreeSwitchRefused(`FreeSWITCH cannot connect back: we cannot listen on ${address} (${error.message})`)),
  )
  probe.listen(0, address, resolve)
  await promise
  probe.close()
}
