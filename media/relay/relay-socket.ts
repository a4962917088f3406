import { createSocket, type Socket } from 'node:dgram'
import { isIPv6 } from 'node:net'

type Found = (error: null, address: string, family: number) => void

/** Addresses here are never names, so there is nothing to look up; answering at once makes `bind` and `send` synchronous. */
function noLookup(host: string, options: object | Found, done?: Found): void {
  const found = typeof options === 'function' ? options : done
  found?.(null, host, isIPv6(host) ? 6 : 4)
}

/** A bound socket, or the system's word for why there is none (`EADDRINUSE`, `EMFILE`, …). */
export function bindSocket(address: string, port: number): Socket | string {
  const v6 = isIPv6(address)
  const socket = createSocket({ type: v6 ? 'udp6' : 'udp4', lookup: noLookup, ipv6Only: v6 })
  let problem: string | null = null
  socket.on('error', (error: NodeJS.ErrnoException) => (problem ??= error.code ?? error.message))
  socket.bind({ address, port, exclusive: true })
  if (problem === null) {
    socket.removeAllListeners('error')
    return socket
  }
  socket.close()
  return problem
}

export interface SocketPair {
  readonly address: string
  /** Even; RTCP is one above. */
  readonly port: number
  readonly rtp: Socket
  readonly rtcp: Socket
}

/** Binds a pair, both or neither. */
export function bindPair(address: string, port: number): SocketPair | string {
  const rtp = bindSocket(address, port)
  if (typeof rtp === 'string') return rtp
  const rtcp = bindSocket(address, port + 1)
  if (typeof rtcp !== 'string') return { address, port, rtp, rtcp }
  rtp.close()
  return rtcp
}

export function closePair({ rtp, rtcp }: SocketPair): void {
  rtp.close()
  rtcp.close()
}
