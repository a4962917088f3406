import assert from 'node:assert/strict'
import { setTimeout as wait } from 'node:timers/promises'
import type { DomainEvent } from '../../model/events.ts'
import { newId, type AccountId } from '../../model/ids.ts'
import { systemRandom } from '../../model/random.ts'
import type { Webhook, WebhookEvent, WebhookId } from '../../model/webhook.ts'
import { AddressGuard } from '../../gateway/outgoing/address-guard.ts'
import { HttpClient } from '../../gateway/outgoing/http-client.ts'
import { Deliverer, MAX_PER_WEBHOOK } from '../../gateway/webhooks/deliverer.ts'
import { retryAt } from '../../gateway/webhooks/retries.ts'
import { Subscriptions } from '../../gateway/webhooks/subscriptions.ts'
import { PostgresDeliveries } from '../../storage/webhook-store.ts'
import { BUYER, callRecord, endedRecord, insertAccounts, SELLER } from '../support/records.ts'
import { openTestStorage, silentLog, type TestStorage } from '../support/storage.ts'
import { isSigned, WebhookReceiver } from '../support/webhook-receiver.ts'
import { until } from '../support/until.ts'

const SECRET = Buffer.alloc(32, 7).toString('base64')

describe('webhooks', function () {
  this.timeout(120_000)
  let storage: TestStorage
  let subscriptions: Subscriptions
  const receivers: WebhookReceiver[] = []
  const parts: { close(): Promise<void> }[] = []
  let nowMs = 0
  const disabled: { id: WebhookId; reason: string }[] = []

  before(async () => {
    subscriptions = new Subscriptions(() => {})
    storage = await openTestStorage({ subscriptions, onBookChange: (change) => subscriptions.apply(change) })
    await storage.book.load((change) => subscriptions.apply(change))
    subscriptions.loaded()
    await insertAccounts(storage.queries)
  })
  after(() => storage.close())
  beforeEach(() => (nowMs = Date.now()))
  afterEach(async () => {
    for (const part of parts.splice(0)) await part.close()
    for (const receiver of receivers.splice(0)) await receiver.close()
    for (const { id } of (await storage.stores.webhooks.list({ limit: 1000, cursor: null }, {})).data)
      await storage.stores.webhooks.remove(id)
    disabled.length = 0
  })

  async function listen(): Promise<WebhookReceiver> {
    const one = await WebhookReceiver.start()
    receivers.push(one)
    return one
  }

  const subscribe = (url: string, changes: Partial<Webhook> = {}): Promise<Webhook> =>
    storage.stores.webhooks.create({
      accountId: BUYER,
      url,
      eventTypes: ['call.ended'],
      description: '',
      status: 'active',
      secret: SECRET,
      disabledReason: null,
      ...changes,
    })

  function deliver(changes: { guard?: AddressGuard; timeoutMs?: number; giveUpMs?: number } = {}): Deliverer {
    const { guard = new AddressGuard(['127.0.0.0/8']), timeoutMs = 5_000, giveUpMs = 86_400_000 } = changes
    const client = new HttpClient(guard, { connections: MAX_PER_WEBHOOK, maxAnswerBytes: 65_536 })
    const deliverer = new Deliverer({
      store: storage.deliveries,
      client,
      isIdle: () => subscriptions.isEmpty,
      now: () => nowMs,
      random: systemRandom,
      timeoutMs,
      giveUpMs,
      disable: async (id, _accountId, reason) => {
        disabled.push({ id, reason })
        await storage.stores.webhooks.update(id, { status: 'disabled', disabledReason: reason }, null)
      },
      count: () => {},
      log: silentLog,
    })
    parts.push({
      close: async () => {
        await deliverer.close()
        await client.close()
      },
    })
    return deliverer
  }

  /** The end of a call, written with what is told of it; answers the event's id. */
  async function happens(buyerId: AccountId = BUYER, type: WebhookEvent = 'call.ended'): Promise<string> {
    const call = callRecord()
    const event: DomainEvent = {
      id: newId(),
      type,
      time: new Date().toISOString(),
      version: 1,
      callId: call.id,
      payload: { call_id: call.id, price: '10.00', payout: '8.00' },
      audience: {
        sellerId: SELLER,
        sellerPayload: { call_id: call.id, payout: '8.00' },
        buyerPayloads: new Map([[buyerId, { call_id: call.id, price: '10.00' }]]),
      },
    }
    await storage.writer.write(endedRecord(call, { events: [event] }))
    return event.id
  }

  const due = () => storage.queries.rows("update webhook_deliveries set due_at = now() where state = 'pending'")
  const deliveries = async (webhook: Webhook) =>
    (await storage.stores.deliveries.list(webhook.id, { limit: 100, cursor: null }, {})).data

  it('are sent what happened, signed, each party what it may read', async () => {
    const [buyers, sellers] = [await listen(), await listen()]
    const webhook = await subscribe(buyers.url)
    await subscribe(sellers.url, { accountId: SELLER })
    const id = await happens()
    deliver()
    await Promise.all([buyers.until(1), sellers.until(1)])
    const [message] = buyers.received
    assert.ok(isSigned(message!, SECRET) && !isSigned(message!, Buffer.alloc(32, 8).toString('base64')))
    assert.equal(message!.headers['webhook-id'], id)
    const { type, payload, account_id: accountId } = JSON.parse(message!.body)
    assert.deepEqual([type, payload.price, payload.payout, accountId], ['call.ended', '10.00', undefined, BUYER])
    assert.deepEqual(Object.keys(JSON.parse(sellers.received[0]!.body).payload), ['call_id', 'payout'])
    await until(async () => (await deliveries(webhook))[0]?.state === 'delivered')
  })

  it('are sent nothing of other types, of others, while paused, or twice for a record written twice', async () => {
    const one = await listen()
    const webhook = await subscribe(one.url)
    await happens(BUYER, 'call.answered')
    await happens(newId())
    await storage.stores.webhooks.update(webhook.id, { status: 'paused' }, null)
    await happens()
    await storage.stores.webhooks.update(webhook.id, { status: 'active' }, null)
    const call = callRecord()
    const event: DomainEvent = {
      id: newId(),
      type: 'call.ended',
      time: '',
      version: 1,
      callId: call.id,
      payload: {},
      audience: { buyerPayloads: new Map([[BUYER, {}]]) },
    }
    const record = endedRecord(call, { events: [event] })
    await storage.writer.write(record)
    await storage.writer.write(record)
    deliver()
    await one.until(1)
    await until(async () => (await deliveries(webhook)).every(({ state }) => state === 'delivered'))
    assert.deepEqual([one.received.length, (await deliveries(webhook)).length], [1, 1])
  })

  it('cost a record nothing while nobody has any', async () => {
    await happens()
    const [row] = await storage.queries.rows('select count(*)::int as n from webhook_deliveries')
    assert.deepEqual([subscriptions.isEmpty, row!['n']], [true, 0])
  })

  it('that fail, hang, answer nonsense or redirect are tried again later, and then it arrives', async () => {
    const one = await listen()
    const webhook = await subscribe(one.url)
    const inner = await listen()
    const answers: WebhookReceiver['answer'][] = [
      (response) => response.writeHead(500).end('no'),
      () => {}, // No answer at all.
      (response) => void response.socket!.end('HTP/9 what\r\n\r\n'),
      (response) => response.writeHead(307, { location: inner.url }).end(),
      // Its status is all that is looked at.
      (response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end('x'.repeat(100_000)),
    ]
    one.answer = (response, message) => answers[one.received.length - 1]!(response, message)
    await happens()
    const deliverer = deliver({ timeoutMs: 300 })
    const errors: (string | null)[] = []
    for (let attempt = 1; attempt <= answers.length; attempt++) {
      await one.until(attempt)
      await until(async () => {
        const [delivery] = await deliveries(webhook)
        return delivery!.attempts === attempt && deliverer.underWay === 0
      })
      errors.push((await deliveries(webhook))[0]!.error)
      await due()
      deliverer.wake()
    }
    assert.match(errors[0]!, /status of success/)
    assert.match(errors[1]!, /^late/)
    assert.match(errors[2]!, /^(malformed|unreachable)/)
    assert.match(errors[3]!, /redirect/)
    assert.equal(errors[4], null)
    assert.ok(one.received.every(({ headers }) => headers['accept-encoding'] === 'identity'))
    assert.equal(inner.received.length, 0)
    assert.ok(one.received.every((message) => isSigned(message, SECRET)))
    assert.equal(new Set(one.received.map(({ headers }) => headers['webhook-id'])).size, 1)
  })

  it('are not sent to private addresses, whether the URL says one or its name leads there', async () => {
    const one = await listen()
    const byAddress = await subscribe(one.url)
    const byName = await subscribe(one.url.replace('127.0.0.1', 'localhost'))
    const inV6 = await subscribe(one.url.replace('127.0.0.1', '[::ffff:127.0.0.1]'))
    await happens()
    deliver({ guard: new AddressGuard() })
    for (const webhook of [byAddress, byName, inV6]) {
      await until(async () => (await deliveries(webhook))[0]?.error != null)
      assert.match((await deliveries(webhook))[0]!.error!, /^address_refused/)
    }
    assert.equal(one.received.length, 0)
  })

  it('that are slow keep no others waiting, and hear at most so many at once', async () => {
    const [slow, quick] = [await listen(), await listen()]
    let open = 0
    let most = 0
    const held: (() => void)[] = []
    slow.answer = (response) => {
      most = Math.max(most, ++open)
      held.push(() => {
        open--
        response.writeHead(204).end()
      })
    }
    await subscribe(slow.url)
    await subscribe(quick.url)
    for (let i = 0; i < 12; i++) await happens()
    deliver({ timeoutMs: 60_000 })
    await quick.until(12)
    assert.ok(slow.received.length <= MAX_PER_WEBHOOK)
    while (slow.received.length < 12 || held.length > 0) {
      held.shift()?.()
      await wait(5)
    }
    assert.equal(most, MAX_PER_WEBHOOK)
  })

  it('are given up and disabled when nothing could be delivered for too long, and go on when the owner says so', async () => {
    const one = await listen()
    one.answer = (response) => response.writeHead(503).end()
    const webhook = await subscribe(one.url)
    const id = await happens()
    const deliverer = deliver({ giveUpMs: 60_000 })
    await one.until(1)
    await until(() => deliverer.underWay === 0)
    nowMs += 120_000
    await due()
    deliverer.wake()
    await until(() => disabled.length === 1)
    assert.deepEqual(disabled[0], { id: webhook.id, reason: 'nothing could be delivered for too long' })
    assert.equal((await deliveries(webhook))[0]!.state, 'dead')
    await happens() // Nobody is told.
    one.answer = (response) => response.writeHead(200).end()
    await storage.stores.webhooks.update(webhook.id, { status: 'active', disabledReason: null }, null)
    assert.equal(await storage.stores.deliveries.replay(webhook.id, { state: 'dead' }), 1)
    nowMs = Date.now()
    deliverer.wake()
    await until(async () => (await deliveries(webhook))[0]!.state === 'delivered')
    assert.equal(one.received.at(-1)!.headers['webhook-id'], id)
    assert.equal(one.received.length, 3)
  })

  it('that answer 410 are disabled at once', async () => {
    const one = await listen()
    one.answer = (response) => response.writeHead(410).end()
    await subscribe(one.url)
    await happens()
    deliver()
    await until(() => disabled.length === 1)
    assert.match(disabled[0]!.reason, /410/)
  })

  it('are sent what an earlier process had claimed and not finished, once its lease is over', async () => {
    const one = await listen()
    const webhook = await subscribe(one.url)
    await happens()
    const room = { most: 10, perWebhook: 4, underWay: new Map(), leaseMs: 60_000 }
    assert.equal((await storage.deliveries.claim(room)).length, 1) // And dies.
    assert.equal((await storage.deliveries.claim(room)).length, 0)
    await due()
    deliver()
    await one.until(1)
    await until(async () => (await deliveries(webhook))[0]!.state === 'delivered')
    assert.equal((await deliveries(webhook))[0]!.attempts, 2)
  })

  it('have at most so many events waiting: the oldest are given up', async () => {
    const webhook = await subscribe('https://nowhere.example/')
    const ids: string[] = []
    for (let i = 0; i < 5; i++) ids.push(await happens())
    const small = new PostgresDeliveries(storage.queries, null, 3)
    assert.equal(await small.sweep(), 2)
    const dead = await small.list(webhook.id, { limit: 10, cursor: null }, { state: 'dead' })
    assert.deepEqual(
      dead.data.map(({ eventId }) => eventId),
      [ids[1], ids[0]],
    )
    assert.equal(await small.replay(webhook.id, { eventId: ids[0]! }), 1)
    assert.equal(await small.replay(webhook.id, { eventId: ids[0]! }), 0)
  })
})

describe('the pause before an event is sent again', () => {
  it('doubles to an hour, half of it at random, and ends with the time there is', () => {
    const first = new Date(0)
    const all = { bytes: () => new Uint8Array([255, 255]) }
    const none = { bytes: () => new Uint8Array([0, 0]) }
    const pause = (attempts: number, random = all) => retryAt(attempts, first, 0, 1, random)!.getTime()
    assert.deepEqual(
      [1, 2, 3, 11, 40].map((n) => pause(n)),
      [5_000, 10_000, 20_000, 3_600_000, 3_600_000],
    )
    assert.equal(pause(1, none), 2_500)
    assert.equal(retryAt(3, first, 86_400_000, 86_400_000, all), null)
  })
})
