import { createSocket } from 'node:dgram'
import type { Socket } from 'node:dgram'
import { lookup } from 'node:dns'
import { isIP } from 'node:net'
import { encodeHep } from './hep.ts'
import type { HepIdentity } from './hep.ts'
import { maskSecrets } from './secrets.ts'
import { isStream, localEndpoint, plainHost } from './tap.ts'
import type { Direction, Tap } from './tap.ts'
import type { Peer } from './transport.ts'

export interface HepOptions extends HepIdentity {
  /** The collector: a name or an address. */
  readonly host: string
  readonly port: number
}

/** What has become of the messages to be exported. */
export interface HepStats {
  readonly sent: number
  /** Not sent: the collector has no address, the kernel takes no more, or the packet is too large. */
  readonly dropped: number
}

/** The largest payload of a UDP datagram over IPv4, which a HEP packet has to fit into whole, less all chunks but the message's. */
const MAX_MESSAGE_BYTES = 65_507 - 512

/** A collector's name is looked up again after this time: it may have moved. */
const LOOK_UP_EVERY_MS = 60_000

/**
 * Tells a capture server (Homer, HEP version 3 over UDP) of every message, credentials masked. Nothing is waited for and
 * nothing is kept: what cannot be sent at once is dropped and counted.
 */
export class HepExporter implements Tap {
  readonly #options: HepOptions
  readonly #passwordBytes: number
  readonly #maxQueueBytes: number
  readonly #onLog: (text: string) => void
  readonly #timer: NodeJS.Timeout | null
  #address: string | null = null
  #opened: Socket | null = null
  /** The opened one, once it can send. */
  #socket: Socket | null = null
  #isClosed = false
  #hasComplained = false
  #sent = 0
  #dropped = 0

  constructor(options: HepOptions, maxQueueBytes: number, onLog: (text: string) => void) {
    this.#options = options
    this.#passwordBytes = Buffer.byteLength(options.password ?? '')
    this.#maxQueueBytes = maxQueueBytes
    this.#onLog = onLog
    if (isIP(options.host) !== 0) {
      this.#use(options.host)
      this.#timer = null
      return
    }
    this.#lookUp()
    this.#timer = setInterval(() => this.#lookUp(), LOOK_UP_EVERY_MS).unref()
  }

  #lookUp(): void {
    lookup(this.#options.host, (error, address) => {
      if (this.#isClosed) return
      if (error) this.#complain(`the name ${this.#options.host} of the HEP collector has no address: ${error.message}`)
      else if (address !== this.#address) this.#use(address)
    })
  }

  #use(address: string): void {
    this.#opened?.close()
    this.#socket = null
    this.#address = address
    const socket = createSocket({
      type: isIP(address) === 6 ? 'udp6' : 'udp4',
      lookup: (host, _options, done) => done(null, host, isIP(host)),
    })
    socket.on('error', (error) => this.#complain(`a HEP packet was not sent: ${error.message}`))
    socket.unref()
    // Until it is bound a socket queues without a limit: what comes before that is dropped.
    socket.bind(0, () => (this.#socket = socket))
    this.#opened = socket
  }

  /** One line for the first: a collector that is gone would fill the log. */
  #complain(text: string): void {
    if (this.#hasComplained) return
    this.#hasComplained = true
    this.#onLog(text)
  }

  get stats(): HepStats {
    return { sent: this.#sent, dropped: this.#dropped }
  }

  see(direction: Direction, text: string, callId: string, peer: Peer, atMs: number): void {
    const socket = this.#socket
    const size = text.length + callId.length + this.#passwordBytes
    const isFull = socket !== null && socket.getSendQueueSize() >= this.#maxQueueBytes
    if (socket === null || this.#isClosed || isFull || size > MAX_MESSAGE_BYTES) {
      this.#dropped++
      return
    }
    const local = localEndpoint(peer.transport, peer.host)
    const remote = { host: plainHost(peer.host), port: peer.port }
    const [source, destination] = direction === 'in' ? [remote, local] : [local, remote]
    const isInStream = isStream(peer.transport.name)
    const message = { atMs, source, destination, isStream: isInStream, callId, text: maskSecrets(text) }
    const packet = encodeHep(message, this.#options)
    this.#sent++
    // Without a callback: a refusal by the collector's machine reaches nobody, and there is nothing to be done about it.
    socket.send(packet, 0, packet.length, this.#options.port, this.#address!)
  }

  close(): void {
    this.#isClosed = true
    if (this.#timer !== null) clearInterval(this.#timer)
    this.#opened?.close()
  }
}
