import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { Server, Socket } from 'node:net'
import { connect as connectTls, createServer as createTlsServer } from 'node:tls'
import { WebSocket } from 'ws'
import { boundTo } from '../../gateway/sip-server/transport.ts'
import type { TransportName } from '../../gateway/sip-server/transport.ts'
import { parseMessage, StreamFramer } from '../../gateway/sip-server/wire-format.ts'
import type { Certificate } from './certificates.ts'

type Parsed = ReturnType<typeof parseMessage>

/** Where a server takes what a wire carries. */
export interface ServerPlace {
  readonly host: string
  readonly port: number
}

export interface WireOptions {
  /** Shown as the TLS server, and as the TLS client if asked. */
  readonly certificate?: Certificate
  /** Of the page that a browser’s WebSocket is opened by. */
  readonly origin?: string
}

/** What a scripted peer sends and receives over. Stream peers listen, and connect with their first message; browsers only connect. */
export interface Wire {
  /** Where it can be reached: 0 for a browser. */
  readonly port: number
  send(bytes: Buffer): void
  /** Drops the connection, if it is one. */
  disconnect(): void
  close(): Promise<void>
}

/** Opens a wire from loopback to a server; `take` gets each message. */
export async function openWire(
  transport: TransportName,
  server: ServerPlace,
  options: WireOptions,
  take: (message: Parsed) => void,
): Promise<Wire> {
  const isV6 = server.host.includes(':')
  const host = isV6 ? '::1' : '127.0.0.1'
  switch (transport) {
    case 'udp':
      return openUdp(host, server, take)
    case 'tcp':
      return openStream(host, createServer(), () => connect(server.port, server.host), take)
    case 'tls': {
      const { certificate } = options
      const dial = () => connectTls({ ...server, rejectUnauthorized: false, ...certificate })
      return openStream(host, createTlsServer({ ...certificate }), dial, take)
    }
    case 'ws':
    case 'wss': {
      const place = isV6 ? `[${server.host}]` : server.host
      return openWebSocket(`${transport}://${place}:${server.port}`, options.origin, take)
    }
  }
}

async function openUdp(host: string, server: ServerPlace, take: (message: Parsed) => void): Promise<Wire> {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4')
  socket.on('message', (bytes) => take(parseMessage(bytes.toString('latin1'))))
  socket.bind(0, host)
  await once(socket, 'listening')
  return {
    port: socket.address().port,
    send: (bytes) => socket.send(bytes, server.port, server.host),
    disconnect: () => undefined,
    close: async () => {
      socket.close()
      await once(socket, 'close')
    },
  }
}

async function openStream(
  host: string,
  server: Server,
  dial: () => Socket,
  take: (message: Parsed) => void,
): Promise<Wire> {
  const sockets = new Set<Socket>()
  let current: Socket | null = null
  const adopt = (socket: Socket): Socket => {
    current = socket
    sockets.add(socket)
    const framer = new StreamFramer()
    socket.on('data', (chunk) => {
      for (const message of framer.push(chunk).messages) take(message)
    })
    socket.on('error', () => undefined)
    socket.on('close', () => {
      sockets.delete(socket)
      if (current === socket) current = null
    })
    return socket
  }
  const isTls = 'setSecureContext' in server
  server.on(isTls ? 'secureConnection' : 'connection', adopt)
  server.on('tlsClientError', () => undefined)
  server.listen(0, host)
  await once(server, 'listening')
  return {
    port: boundTo(server).port,
    send: (bytes) => void (current ?? adopt(dial())).write(bytes),
    disconnect: () => {
      current?.destroy()
      current = null
    },
    close: async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

/** Connects at once, as a browser does. */
async function openWebSocket(url: string, origin: string | undefined, take: (message: Parsed) => void): Promise<Wire> {
  const webSocket = new WebSocket(url, 'sip', { rejectUnauthorized: false, ...(origin !== undefined && { origin }) })
  webSocket.on('message', (bytes: Buffer) => take(parseMessage(bytes.toString('latin1'))))
  webSocket.on('error', () => undefined)
  await once(webSocket, 'open')
  return {
    port: 0,
    send: (bytes) => webSocket.send(bytes, { binary: false }),
    disconnect: () => webSocket.terminate(),
    close: async () => {
      if (webSocket.readyState === WebSocket.CLOSED) return
      const closed = once(webSocket, 'close')
      webSocket.terminate()
      await closed
    },
  }
}
