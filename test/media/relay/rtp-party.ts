import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { once } from 'node:events'
import type { Sdp } from '../../../media/media-server.ts'

/** How long a test waits for a packet that must come. */
const PATIENCE_MS = 20_000

export interface Heard {
  readonly packet: Buffer
  readonly from: RemoteInfo
}

/** One RTP packet, PCMU unless said otherwise; `mark` is the first byte of its payload, to know it again. */
export function rtp(fields: {
  sequence: number
  timestamp?: number
  ssrc?: number
  payload?: number
  mark?: number
  size?: number
}): Buffer {
  const packet = Buffer.alloc(fields.size ?? 172, fields.mark ?? 0)
  packet[0] = 0x80
  packet[1] = fields.payload ?? 0
  packet.writeUInt16BE(fields.sequence & 0xffff, 2)
  packet.writeUInt32BE((fields.timestamp ?? fields.sequence * 160) >>> 0, 4)
  packet.writeUInt32BE(fields.ssrc ?? 0x1234, 8)
  return packet
}

/** An empty receiver report (RFC 3550 §6.4.2), of this SSRC. */
export function rtcp(ssrc: number): Buffer {
  const packet = Buffer.from([0x80, 201, 0, 1, 0, 0, 0, 0])
  packet.writeUInt32BE(ssrc, 4)
  return packet
}

/** A phone's two sockets, and everything they have heard. */
export class RtpParty {
  readonly rtp: Socket
  readonly rtcp: Socket
  readonly heard: Heard[] = []
  readonly heardRtcp: Heard[] = []

  constructor(rtpSocket: Socket, rtcpSocket: Socket) {
    this.rtp = rtpSocket
    this.rtcp = rtcpSocket
    rtpSocket.on('message', (packet, from) => this.heard.push({ packet, from }))
    rtcpSocket.on('message', (packet, from) => this.heardRtcp.push({ packet, from }))
  }

  static async open(address = '127.0.0.1'): Promise<RtpParty> {
    const sockets = [0, 0].map(() => createSocket(address.includes(':') ? 'udp6' : 'udp4'))
    for (const socket of sockets) {
      socket.bind(0, address)
      await once(socket, 'listening')
    }
    return new RtpParty(sockets[0]!, sockets[1]!)
  }

  get port(): number {
    return this.rtp.address().port
  }

  /** A description of this party; `lines` are added to its audio. */
  describe(options: { lines?: readonly string[]; payloads?: string; address?: string; mux?: boolean } = {}): Sdp {
    const { address } = this.rtp.address()
    const ip = options.address ?? address
    const family = ip.includes(':') ? 'IP6' : 'IP4'
    return [
      'v=0',
      `o=phone 1 1 IN ${family} ${ip}`,
      's=-',
      `c=IN ${family} ${ip}`,
      't=0 0',
      `m=audio ${this.port} RTP/AVP ${options.payloads ?? '0 8 101'}`,
      'a=rtpmap:101 telephone-event/8000',
      options.mux === true ? 'a=rtcp-mux' : `a=rtcp:${this.rtcp.address().port}`,
      ...(options.lines ?? []),
      '',
    ].join('\r\n')
  }

  send(packet: Buffer, port: number, address = '127.0.0.1'): void {
    this.rtp.send(packet, port, address)
  }

  sendRtcp(packet: Buffer, port: number, address = '127.0.0.1'): void {
    this.rtcp.send(packet, port, address)
  }

  /** Resolves with the next RTP packet to come. */
  next(): Promise<Heard> {
    return nextOn(this.rtp)
  }

  nextRtcp(): Promise<Heard> {
    return nextOn(this.rtcp)
  }

  close(): void {
    this.rtp.close()
    this.rtcp.close()
  }
}

function nextOn(socket: Socket): Promise<Heard> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('no packet came')), PATIENCE_MS)
    socket.once('message', (packet, from) => {
      clearTimeout(timer)
      resolve({ packet, from })
    })
  })
}

/** The audio port that a description names. */
export function audioPort(sdp: Sdp): number {
  const port = /^m=audio (\d+)/m.exec(sdp)?.[1]
  if (port === undefined) throw new Error(`no audio in ${sdp}`)
  return Number(port)
}
