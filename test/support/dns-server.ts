import { createSocket } from 'node:dgram'
import type { RemoteInfo, Socket } from 'node:dgram'
import { once } from 'node:events'
import { decode, encode } from 'dns-packet'
import type { Answer, Packet } from 'dns-packet'

const NXDOMAIN = 3
const SERVFAIL = 2

/** A DNS server on loopback that knows what a test tells it, and counts what it is asked. */
export class DnsServer {
  /** `address:port`, as resolvers want it. */
  readonly address: string
  /** `TYPE name` of every question, in order; those of one name sent again included. */
  readonly asked: string[] = []
  /** `answers`: as a server should. `fails`: SERVFAIL to everything. `silent`: nothing at all. */
  mood: 'answers' | 'fails' | 'silent' = 'answers'
  readonly #socket: Socket
  readonly #zone = new Map<string, Answer[]>()

  private constructor(socket: Socket) {
    this.#socket = socket
    this.address = `127.0.0.1:${socket.address().port}`
    socket.on('message', (bytes, from) => this.#answer(bytes, from))
  }

  static async open(): Promise<DnsServer> {
    const socket = createSocket('udp4').bind(0, '127.0.0.1')
    await once(socket, 'listening')
    return new DnsServer(socket)
  }

  /** Replaces what is known of a name's addresses. */
  hosts(name: string, addresses: readonly string[], ttl = 60): void {
    const v4 = addresses.filter((each) => !each.includes(':'))
    const v6 = addresses.filter((each) => each.includes(':'))
    this.#put(
      'A',
      name,
      v4.map((data) => ({ type: 'A', name, ttl, data })),
    )
    this.#put(
      'AAAA',
      name,
      v6.map((data) => ({ type: 'AAAA', name, ttl, data })),
    )
  }

  services(
    name: string,
    records: readonly { target: string; port: number; priority?: number; weight?: number }[],
  ): void {
    this.#put(
      'SRV',
      name,
      records.map((data) => ({ type: 'SRV', name, ttl: 60, data })),
    )
  }

  pointers(name: string, records: readonly { order: number; services: string; replacement: string }[]): void {
    const data = (record: (typeof records)[number]) => ({ preference: 10, flags: 's', regexp: '', ...record })
    this.#put(
      'NAPTR',
      name,
      records.map((record) => ({ type: 'NAPTR', name, ttl: 60, data: data(record) })),
    )
  }

  #put(type: string, name: string, answers: Answer[]): void {
    this.#zone.set(`${type} ${name}`, answers)
  }

  #answer(bytes: Buffer, from: RemoteInfo): void {
    const query = decode(bytes)
    const question = query.questions?.[0]
    if (question === undefined) return
    const name = question.name.toLowerCase()
    this.asked.push(`${question.type} ${name}`)
    if (this.mood === 'silent') return
    const answers = this.#zone.get(`${question.type} ${name}`) ?? []
    const isKnown = [...this.#zone.keys()].some((key) => key.endsWith(` ${name}`))
    const code = this.mood === 'fails' ? SERVFAIL : isKnown ? 0 : NXDOMAIN
    const reply: Packet = {
      type: 'response',
      id: query.id ?? 0,
      // RFC 1035 §4.1.1: authoritative, recursion available; the code is in the lowest four bits.
      flags: 0x0400 | 0x0080 | code,
      questions: [question],
      answers: code === 0 ? answers : [],
    }
    this.#socket.send(encode(reply), from.port, from.address)
  }

  async close(): Promise<void> {
    this.#socket.close()
    await once(this.#socket, 'close')
  }
}
