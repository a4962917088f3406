import type { Codec } from '../payload-types.ts'
import type { Consumer, Producer, RtpParameters, StreamStats, Transport } from './mediasoup-api.ts'
import { LOOPBACK } from './fronts.ts'
import type { Room, Rooms } from './rooms.ts'

/** A transport of one leg in its room: what comes in there (a producer), and what of the other leg goes out there (a consumer). */
export class StreamEnd {
  readonly room: Room
  readonly #rooms: Rooms
  readonly #transport: Transport
  #producer: Producer | null = null
  #produced = ''
  #consumer: Consumer | null = null
  #consumed = ''

  constructor(rooms: Rooms, room: Room, transport: Transport) {
    this.#rooms = rooms
    this.room = room
    this.#transport = transport
  }

  /** What comes in is this from now on. What is so already goes on. */
  async produce(codecs: readonly Codec[], ssrc: number): Promise<void> {
    const rtpParameters: RtpParameters = {
      codecs: this.#rooms.codecs.forProducer(codecs),
      headerExtensions: [],
      encodings: [{ ssrc }],
      rtcp: { cname: 'dce' },
    }
    const key = JSON.stringify(rtpParameters)
    if (key === this.#produced) return
    this.#producer?.close() // One SSRC belongs to one producer.
    this.#producer = null
    this.#produced = ''
    this.#producer = await this.#transport.produce({ kind: 'audio', rtpParameters })
    this.#produced = key
  }

  /** What goes out is what comes in there, in these codecs. */
  async hear(other: StreamEnd, codecs: readonly Codec[]): Promise<void> {
    const producer = other.#producer
    if (producer === null) return
    const capabilities = this.#rooms.codecs.forConsumer(codecs)
    const key = JSON.stringify([producer.id, capabilities])
    if (key === this.#consumed) return
    const { router } = this.room
    if (router !== other.room.router && !this.#consumed.includes(producer.id))
      await other.room.router.pipeToRouter({ producerId: producer.id, router, listenIp: LOOPBACK })
    this.#consumer?.close()
    this.#consumed = ''
    this.#consumer = await this.#transport.consume({
      producerId: producer.id,
      rtpCapabilities: { codecs: capabilities, headerExtensions: [] },
    })
    this.#consumed = key
  }

  /** Of what comes in; null before anything has. */
  async heard(): Promise<StreamStats | null> {
    return (await this.#producer?.getStats())?.[0] ?? null
  }

  /** Of what goes out: its far end's reports. */
  async sent(): Promise<StreamStats | null> {
    const stats = await this.#consumer?.getStats()
    return stats?.find(({ type }) => type === 'outbound-rtp') ?? null
  }

  close(): void {
    this.#transport.close()
    this.#rooms.leave(this.room)
  }
}
