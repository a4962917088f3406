import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import { WebSocket, type ClientOptions } from 'ws'
import { AUTH_TIMEOUT_MS, CLOSE_UNAUTHORIZED, MAX_MESSAGES } from '../../api/feed-client.ts'
import { topicOf, TOPICS } from '../../api/feed-messages.ts'
import { MAX_UNKNOWN_OF_ADDRESS } from '../../api/live-feed.ts'
import { EVENT_TYPES, type DomainEvent, type EventType } from '../../model/events.ts'
import { newId, type CallId } from '../../model/ids.ts'
import { startApi, type ApiHarness, type Person } from '../support/api-harness.ts'

type Message = Record<string, unknown>

/** A reader of the feed that keeps what it hears. */
class Reader {
  readonly socket: WebSocket
  readonly heard: Message[] = []
  readonly #waiting = new Set<() => void>()

  constructor(url: string, options: ClientOptions = {}) {
    this.socket = new WebSocket(url, options)
    this.socket.on('error', () => undefined)
    this.socket.on('message', (data) => {
      this.heard.push(JSON.parse((data as Buffer).toString()) as Message)
      this.#waiting.forEach((look) => look())
    })
  }

  /** The first message, heard or to come, that passes. */
  async hears(test: (message: Message) => boolean): Promise<Message> {
    const look = () => this.heard.find(test)
    for (;;) {
      const found = look()
      if (found) return found
      await new Promise<void>((resolve) => {
        const wake = () => {
          this.#waiting.delete(wake)
          resolve()
        }
        this.#waiting.add(wake)
      })
    }
  }

  send(message: unknown): void {
    this.socket.send(typeof message === 'string' ? message : JSON.stringify(message))
  }

  async subscribe(...topics: string[]): Promise<void> {
    this.send({ type: 'subscribe', topics })
    await this.hears(
      ({ type, topics: now }) => type === 'subscribed' && topics.every((topic) => (now as string[]).includes(topic)),
    )
  }

  async closed(): Promise<number> {
    if (this.socket.readyState === WebSocket.CLOSED) return 0
    // Not `once`, which an error would reject: the error comes first and the close after it.
    return new Promise((resolve) => this.socket.once('close', resolve))
  }
}

/** The status a reader is refused with. */
async function refusal({ socket }: Reader): Promise<number> {
  const response = await new Promise<IncomingMessage>((resolve) => {
    socket.once('unexpected-response', (_request, answer) => resolve(answer))
  })
  response.resume()
  socket.terminate()
  return response.statusCode ?? 0
}

describe('the live feed', () => {
  let api: ApiHarness
  let admin: Person
  let seller: Person
  let buyer: Person
  let other: Person
  const readers: Reader[] = []

  before(async () => {
    api = await startApi({ settings: { wsMaxClients: 50, wsBufferBytes: 200_000 } })
    admin = await api.person('operator')
    seller = await api.person('seller')
    buyer = await api.person('buyer')
    other = await api.person('buyer', 'other')
  })
  after(() => api.api.close())
  afterEach(async () => {
    await Promise.all(
      readers.splice(0).map(async (reader) => {
        const closed = reader.closed()
        reader.socket.terminate()
        await closed
      }),
    )
  })

  function open(token?: string, options: ClientOptions = {}): Reader {
    const headers = token ? { authorization: `Bearer ${token}` } : {}
    const reader = new Reader(`ws://127.0.0.1:${api.port}/ws/v1/events`, { headers, ...options })
    readers.push(reader)
    return reader
  }

  async function opened(token: string): Promise<Reader> {
    const reader = open(token)
    await reader.hears(({ type }) => type === 'welcome')
    return reader
  }

  function publish(type: EventType, payload: Message, audience: DomainEvent['audience'] = {}): void {
    const callId = newId<CallId>()
    api.bus.publish({ id: newId(), type, time: new Date().toISOString(), version: 1, callId, payload, audience })
  }

  it('gives each role its own payload, and nothing to those it is no business of', async () => {
    const [a, s, b, o] = await Promise.all([admin, seller, buyer, other].map(({ token }) => opened(token)))
    await Promise.all([a, s, b, o].map((reader) => reader!.subscribe('calls', 'auctions')))
    publish(
      'call.ended',
      { price: '2.50', payout: '2.00' },
      {
        sellerId: seller.account.id,
        sellerPayload: { payout: '2.00' },
        buyerIds: [buyer.account.id],
        buyerPayloads: new Map([[buyer.account.id, { price: '2.50' }]]),
      },
    )
    publish('auction.completed', { all: true }, { buyerPayloads: new Map([[buyer.account.id, { rank: 1 }]]) })
    publish(
      'call.received',
      { last: true },
      {
        sellerId: seller.account.id,
        sellerPayload: { last: true },
        buyerPayloads: new Map([
          [buyer.account.id, { last: true }],
          [other.account.id, { last: true }],
        ]),
      },
    )
    const heard = await Promise.all(
      [a, s, b, o].map(async (reader) => {
        await reader!.hears(({ payload }) => (payload as Message | undefined)?.['last'] === true)
        return reader!.heard.filter(({ payload }) => payload).map(({ payload }) => payload)
      }),
    )
    assert.deepEqual(heard, [
      [{ price: '2.50', payout: '2.00' }, { all: true }, { last: true }],
      [{ payout: '2.00' }, { last: true }],
      [{ price: '2.50' }, { rank: 1 }, { last: true }],
      [{ last: true }],
    ])
    const event = a!.heard.find(({ type }) => type === 'call.ended')!
    assert.deepEqual(Object.keys(event), ['id', 'type', 'time', 'version', 'call_id', 'account_id', 'payload'])
  })

  it('sends what was subscribed to, until it is not', async () => {
    const reader = await opened(admin.token)
    publish('call.received', { n: 1 })
    await reader.subscribe('calls')
    publish('bid.placed', { n: 2 })
    publish('call.received', { n: 3 })
    await reader.hears(({ payload }) => (payload as Message | undefined)?.['n'] === 3)
    reader.send({ type: 'unsubscribe', topics: ['calls'] })
    await reader.hears(({ type, topics }) => type === 'subscribed' && (topics as string[]).length === 0)
    publish('call.received', { n: 4 })
    await reader.subscribe('bids')
    publish('bid.placed', { n: 5 })
    await reader.hears(({ payload }) => (payload as Message | undefined)?.['n'] === 5)
    const numbers = reader.heard.flatMap(({ payload }) => (payload ? [(payload as Message)['n']] : []))
    assert.deepEqual(numbers, [3, 5])
  })

  it('has a topic for every event of the catalogue', () => {
    for (const type of EVENT_TYPES) assert.ok(TOPICS.includes(topicOf({ type } as DomainEvent)), type)
  })

  it('takes a token in the address or in the first message', async () => {
    const byAddress = new Reader(`ws://127.0.0.1:${api.port}/ws/v1/events?token=${buyer.token}`)
    readers.push(byAddress)
    const welcome = await byAddress.hears(({ type }) => type === 'welcome')
    assert.deepEqual([welcome['role'], welcome['account_id']], ['buyer', buyer.account.id])
    const byMessage = open()
    await once(byMessage.socket, 'open')
    byMessage.send({ type: 'auth', token: seller.token })
    assert.equal((await byMessage.hears(({ type }) => type === 'welcome'))['role'], 'seller')
  })

  const refused = (url: string, headers = {}) => refusal(new Reader(`ws://127.0.0.1:${api.port}${url}`, { headers }))

  it('takes nobody without one', async () => {
    assert.equal(await refused('/ws/v1/events', { authorization: 'Bearer x' }), 401)
    assert.equal(await refused('/ws/v1/events?token=x'), 401)
    assert.equal(await refused('/ws/v2/events'), 404)
    assert.equal(await refused('/ws/v1/bidding'), 501)
    const early = open()
    await once(early.socket, 'open')
    early.send({ type: 'subscribe', topics: ['calls'] })
    assert.equal(await early.closed(), CLOSE_UNAUTHORIZED)
    const wrong = open()
    await once(wrong.socket, 'open')
    wrong.send({ type: 'auth', token: 'x' })
    assert.equal(await wrong.closed(), CLOSE_UNAUTHORIZED)
  })

  it('waits five seconds for it', async function () {
    this.timeout(AUTH_TIMEOUT_MS * 3)
    const silent = open()
    assert.equal(await silent.closed(), CLOSE_UNAUTHORIZED)
  })

  it('answers what it does not understand, and carries on', async () => {
    const reader = await opened(admin.token)
    const wrong = [
      '{',
      '[]',
      'null',
      '{"type":"sing"}',
      '{"type":"subscribe"}',
      '{"type":"subscribe","topics":["money"]}',
      '{"type":"subscribe","topics":"calls"}',
    ]
    wrong.forEach((text) => reader.send(text))
    reader.socket.send(Uint8Array.of(1, 2, 3))
    reader.send({ type: 'ping' })
    await reader.hears(({ type }) => type === 'pong')
    assert.equal(reader.heard.filter(({ type }) => type === 'error').length, wrong.length + 1)
  })

  it('closes on one that talks too much, or too long', async () => {
    const chatty = await opened(admin.token)
    for (let i = 0; i <= MAX_MESSAGES; i++) chatty.send({ type: 'ping' })
    assert.equal(await chatty.closed(), 1008)
    const long = await opened(admin.token)
    long.send('x'.repeat(20_000))
    assert.equal(await long.closed(), 1009)
  })

  it('ends with its token', async () => {
    const brief = await startApi({ settings: { tokenExpirySeconds: 1 } })
    try {
      const { token } = await brief.person('operator')
      const reader = new Reader(`ws://127.0.0.1:${brief.port}/ws/v1/events?token=${token}`)
      assert.equal(await reader.closed(), CLOSE_UNAUTHORIZED)
    } finally {
      await brief.api.close()
    }
  })

  it('has room for so many clients', async () => {
    const small = await startApi({ settings: { wsMaxClients: 2 } })
    const { token } = await small.person('operator')
    const url = `ws://127.0.0.1:${small.port}/ws/v1/events?token=${token}`
    const inside = [new Reader(url), new Reader(url)]
    await Promise.all(inside.map((reader) => reader.hears(({ type }) => type === 'welcome')))
    assert.equal(await refusal(new Reader(url)), 503)
    inside.forEach((reader) => reader.socket.terminate())
    await small.api.close()
  })

  it('has room for so many of one address that have not said who they are, and they make room when they have', async () => {
    const small = await startApi({ settings: { wsMaxClients: 1000 } })
    const { token } = await small.person('operator')
    const url = `ws://127.0.0.1:${small.port}/ws/v1/events`
    const silent = Array.from({ length: MAX_UNKNOWN_OF_ADDRESS }, () => new Reader(url))
    await Promise.all(silent.map(({ socket }) => once(socket, 'open')))
    assert.equal(await refusal(new Reader(url)), 503)
    const known = new Reader(url, { headers: { authorization: `Bearer ${token}` } })
    await known.hears(({ type }) => type === 'welcome')
    silent[0]!.send({ type: 'auth', token })
    await silent[0]!.hears(({ type }) => type === 'welcome')
    const next = new Reader(url)
    await once(next.socket, 'open')
    assert.equal(await refusal(new Reader(url)), 503)
    for (const { socket } of [next, ...silent.slice(1)]) socket.terminate()
    await Promise.all(silent.slice(1).map((reader) => reader.closed()))
    const last = new Reader(url)
    silent.push(last)
    await once(last.socket, 'open')
    for (const { socket } of [known, ...silent]) socket.terminate()
    await small.api.close()
  })

  it('is at no address that cannot be read', async () => {
    for (const path of ['//', 'http://[']) {
      const socket = connect(api.port, '127.0.0.1')
      socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n`)
      assert.match(String((await once(socket, 'data'))[0]), /^HTTP\/1.1 404 /)
      socket.destroy()
    }
  })

  it('drops a client that does not read, and keeps the others', async () => {
    const good = await opened(admin.token)
    await good.subscribe('calls')
    // A client of raw TCP that subscribes and then never reads again.
    const slow = connect(api.port, '127.0.0.1')
    const closed = once(slow, 'close')
    slow.on('error', () => undefined)
    slow.write(
      `GET /ws/v1/events?token=${admin.token} HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n`,
    )
    await once(slow, 'data')
    const text = Buffer.from('{"type":"subscribe","topics":["calls"]}')
    slow.write(Buffer.concat([Buffer.from([0x81, 0x80 | text.length, 0, 0, 0, 0]), text]))
    let heard = ''
    while (!heard.includes('subscribed')) heard += String((await once(slow, 'data'))[0])
    slow.pause()
    // Paced by the one who reads: 20 MB, more than the kernel keeps for the one who does not.
    for (let n = 0; n < 400; n++) {
      publish('call.received', { n, filler: 'x'.repeat(50_000) })
      await good.hears(({ payload }) => (payload as Message | undefined)?.['n'] === n)
      good.heard.length = 0
    }
    slow.resume()
    await closed
    assert.equal(good.socket.readyState, WebSocket.OPEN)
  })

  it('loses the oldest of more events than may wait, says how many, and goes on', async () => {
    const warnings: { fields: Message; text: string }[] = []
    const log = { info: () => undefined, error: () => undefined }
    const flooded = await startApi({
      log: { ...log, warn: (fields: object, text: string) => void warnings.push({ fields: { ...fields }, text }) },
    })
    const { token } = await flooded.person('operator')
    const reader = new Reader(`ws://127.0.0.1:${flooded.port}/ws/v1/events?token=${token}`)
    await reader.hears(({ type }) => type === 'welcome')
    await reader.subscribe('calls')
    const numberOf = ({ payload }: Message): unknown => (payload as Message | undefined)?.['n']
    const told = (n: number): void =>
      flooded.bus.publish({
        id: newId(),
        type: 'call.received',
        time: new Date().toISOString(),
        version: 1,
        callId: newId<CallId>(),
        payload: { n },
        audience: {},
      })
    for (let n = 0; n < 10_007; n++) told(n)
    await reader.hears((message) => numberOf(message) === 10_006)
    assert.equal(numberOf(reader.heard.find((message) => numberOf(message) !== undefined)!), 7)
    told(10_007)
    await reader.hears((message) => numberOf(message) === 10_007)
    assert.deepEqual(warnings, [{ fields: { lost: 7 }, text: 'events lost to the feed: more came than could be sent' }])
    reader.socket.terminate()
    await flooded.api.close()
  })

  it('says goodbye when the server stops', async () => {
    const stopping = await startApi()
    const { token } = await stopping.person('operator')
    const reader = new Reader(`ws://127.0.0.1:${stopping.port}/ws/v1/events?token=${token}`)
    await reader.hears(({ type }) => type === 'welcome')
    const closed = reader.closed()
    await stopping.api.close()
    assert.equal(await closed, 1001)
  })
})
