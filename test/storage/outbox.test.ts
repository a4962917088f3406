import assert from 'node:assert/strict'
import { fullEventJson, type DomainEvent } from '../../model/events.ts'
import { newId } from '../../model/ids.ts'
import type { CallId, PostingId } from '../../model/ids.ts'
import type { EventSink, Published, SinkEvent } from '../../storage/event-sink.ts'
import { lockOutbox, MAX_DEAD_LETTERS, outboxState, readTurn, trimOutbox } from '../../storage/outbox.ts'
import { OutboxRelay } from '../../storage/outbox-relay.ts'
import { Postgres } from '../../storage/postgres.ts'
import { BUYER, callRecord, endedRecord, insertAccounts, postingOf, soldRecord } from '../support/records.ts'
import { createDatabase, openTestStorage, recordingLog, silentLog, type TestStorage } from '../support/storage.ts'
import { until } from '../support/until.ts'

function event(callId: CallId | null, changes: Partial<DomainEvent> = {}): DomainEvent {
  return {
    id: newId(),
    type: 'call.routed',
    time: new Date().toISOString(),
    version: 1,
    callId,
    payload: { rank: 1 },
    audience: {},
    ...changes,
  }
}

/** Takes what it is offered as `answer` says. */
class ScriptedSink implements EventSink {
  readonly taken: SinkEvent[] = []
  answer: (events: readonly SinkEvent[]) => Published = (events) => ({ done: events.length, refused: [], error: null })

  async publish(events: readonly SinkEvent[]): Promise<Published> {
    const published = this.answer(events)
    this.taken.push(...events.slice(0, published.done))
    return published
  }

  async close(): Promise<void> {}
}

describe('outbox', function () {
  this.timeout(60_000)
  let storage: TestStorage
  beforeEach(async () => {
    storage = await openTestStorage()
    await insertAccounts(storage.queries)
  })
  afterEach(() => storage.close())

  const rows = async () => {
    const turn = await readTurn(storage.queries)
    assert.deepEqual(turn.unreadable, [])
    return turn.rows
  }
  const kept = async () => (await rows()).flatMap(({ events }) => events.map((line) => JSON.parse(line)))

  it('has the events of a record once the record is written, in the order of the call, a row a commit', async () => {
    const call = callRecord()
    const [routed, ended] = [
      event(call.id),
      event(call.id, { type: 'call.ended', audience: { sellerId: call.sellerId } }),
    ]
    await storage.writer.write(soldRecord(call, { events: [routed] }))
    await storage.writer.write(endedRecord(call, { events: [ended] }))
    assert.deepEqual(await kept(), [
      { id: routed.id, type: 'call.routed', time: routed.time, version: 1, call_id: call.id, payload: { rank: 1 } },
      {
        id: ended.id,
        type: 'call.ended',
        time: ended.time,
        version: 1,
        call_id: call.id,
        account_id: call.sellerId,
        payload: { rank: 1 },
      },
    ])
    assert.deepEqual(
      (await rows()).map(({ events }) => events.length),
      [1, 1],
    )
  })

  it('keeps events of their own behind the sale of their call, and before its end, however they were written', async () => {
    const calls = Array.from({ length: 50 }, () => callRecord())
    await Promise.all(
      calls.flatMap((call) => [
        storage.writer.write(soldRecord(call, { events: [event(call.id, { payload: { n: 1 } })] })),
        storage.writer.write({ kind: 'events', callId: call.id, events: [event(call.id, { payload: { n: 2 } })] }),
        storage.writer.write(soldRecord(call, { events: [event(call.id, { payload: { n: 3 } })] })),
        storage.writer.write(endedRecord(call, { events: [event(call.id, { payload: { n: 4 } })] })),
      ]),
    )
    const all = await kept()
    assert.equal(all.length, 200)
    for (const { id } of calls)
      assert.deepEqual(
        all.filter((one) => one.call_id === id).map((one) => one.payload.n),
        [1, 2, 3, 4],
      )
  })

  it('has no event of a record that the tables refuse: it is in quarantine with its record', async () => {
    const [good, bad] = [callRecord(), callRecord()]
    const refused = endedRecord(bad, { events: [event(bad.id)] })
    await Promise.all([
      storage.writer.write(endedRecord(good, { events: [event(good.id)] })),
      storage.writer.write({ ...refused, call: { ...refused.call, state: 'nonsense' as 'ended' } }),
    ])
    assert.deepEqual(
      (await kept()).map((one) => one.call_id),
      [good.id],
    )
    const [quarantined] = await storage.queries.rows('select record from quarantine')
    assert.match(quarantined!['record'], new RegExp(bad.id))
  })

  it('has what is said of a new thing and of a posting, or neither is there', async () => {
    const { targets, ledger } = storage.stores
    const draft = {
      accountId: BUYER,
      name: 'desk',
      uri: 'sip:desk@192.0.2.1',
      ringTimeout: 30,
      maxConcurrentCalls: null,
      directMedia: false,
    }
    const said: unknown[] = []
    const target = await targets.create(draft, (made) => {
      said.push(made)
      return event(null, { type: 'bid.placed', payload: { id: made.id } })
    })
    assert.deepEqual(said, [target])
    const deposit = { ...postingOf(callRecord()), kind: 'deposit' as const, callId: null, reference: 'wire 1' }
    const posted = () =>
      ledger.post(deposit, (balanceOf) => [
        event(null, { type: 'ledger.posted', payload: { has: String(balanceOf(BUYER)) } }),
      ])
    await posted()
    await posted() // A repetition says nothing.
    const lines = (await kept()).map((one) => [one.type, one.payload])
    assert.deepEqual(lines, [
      ['bid.placed', { id: target.id }],
      ['ledger.posted', { has: '-10000000' }],
    ])
    // Nothing is said of what the tables refuse, and nothing is written of which nothing can be said.
    await assert.rejects(targets.create({ ...draft, accountId: newId() }, () => event(null)))
    const other = { ...deposit, id: newId<PostingId>(), reference: 'wire 2' }
    await assert.rejects(
      ledger.post(other, () => {
        throw new Error('no words')
      }),
      /no words/,
    )
    assert.equal((await kept()).length, 2)
    assert.equal((await storage.queries.rows("select from ledger_postings where reference = 'wire 2'")).length, 0)
  })

  it('forgets the oldest beyond its limit of events, and those that are too old, and no others', async () => {
    const write = async (n: number): Promise<void> => {
      const events = Array.from({ length: 10 }, () => event(null, { payload: { n } }))
      await storage.writer.write({ kind: 'events', callId: null, events })
    }
    for (let n = 1; n <= 5; n++) await write(n)
    const left = async () => [...new Set((await kept()).map((one) => one.payload.n))]
    assert.equal(await trimOutbox(storage.queries, 50, null), 0)
    assert.equal(await trimOutbox(storage.queries, 35, null), 20)
    assert.deepEqual(await left(), [3, 4, 5])
    await storage.queries.rows(
      "update outbox set at = now() - interval '2 hours' where id = (select min(id) from outbox)",
    )
    assert.equal(await trimOutbox(storage.queries, 35, 7_200_500), 0)
    assert.equal(await trimOutbox(storage.queries, 35, 3_600_000), 10)
    assert.deepEqual(await left(), [4, 5])
    assert.equal((await outboxState(storage.queries)).events, 20)
  })

  it('forgets the oldest dead letters beyond their limit', async () => {
    await storage.queries.rows(
      "insert into outbox_dead_letters (attempts, error, event) select n, 'refused', '{}' from generate_series(1, $1::integer) n",
      [MAX_DEAD_LETTERS + 3],
    )
    await trimOutbox(storage.queries, 1000, null)
    const [row] = await storage.queries.rows(
      'select count(*)::integer as n, min(attempts) as first from outbox_dead_letters',
    )
    assert.deepEqual(row, { n: MAX_DEAD_LETTERS, first: 4 })
  })

  it('is swept by a storage that publishes nothing', async () => {
    const databaseUrl = await createDatabase()
    const small = await openTestStorage({ databaseUrl, outbox: { kafka: null, maxEvents: 20, maxAgeMs: 3_600_000 } })
    try {
      for (let n = 0; n < 5; n++)
        await small.writer.write({
          kind: 'events',
          callId: null,
          events: Array.from({ length: 10 }, () => event(null)),
        })
      await until(() => small.outbox.figures.trimmed > 0 && small.outbox.figures.events > 0)
      const { events, trimmed, published, isUp } = small.outbox.figures
      assert.deepEqual({ events, trimmed, published, isUp }, { events: 20, trimmed: 30, published: 0, isUp: false })
    } finally {
      await small.close()
    }
  })

  describe('its relay', () => {
    let postgres: Postgres
    let sink: ScriptedSink
    let relay: OutboxRelay | null
    const log = recordingLog()
    beforeEach(() => {
      postgres = new Postgres({ connectionString: storage.options.databaseUrl! }, silentLog)
      sink = new ScriptedSink()
      relay = null
      log.lines.length = 0
    })
    afterEach(async () => {
      await relay?.close()
      await postgres.close()
    })
    const write = async (...events: DomainEvent[]): Promise<void> => {
      for (const one of events) await storage.writer.write({ kind: 'events', callId: null, events: [one] })
    }
    const isEmpty = async (): Promise<boolean> => (await outboxState(storage.queries)).events === 0
    const deadLetters = () =>
      storage.queries.rows('select event_id, attempts, error, event, body from outbox_dead_letters order by id')

    it('offers what a sink that is away has not taken again, in the same order, and says so once', async () => {
      const events = Array.from({ length: 5 }, () => event(null))
      await write(...events)
      let attempts = 0
      sink.answer = (offered) =>
        ++attempts <= 2
          ? { done: 2, refused: [], error: new Error('no broker') }
          : { done: offered.length, refused: [], error: null }
      relay = new OutboxRelay(postgres, sink, log)
      await until(isEmpty)
      assert.deepEqual(
        sink.taken.map(({ id }) => id),
        events.map(({ id }) => id),
      )
      assert.deepEqual(
        log.lines.map(({ level, message }) => [level, message]),
        [
          ['warn', 'events cannot be published: they wait in the outbox'],
          ['info', 'events are published again'],
        ],
      )
      assert.deepEqual(relay.counts, { published: 5, deadLetters: 0, isUp: true })
    })

    it('keeps what is refused for good among the dead letters, and goes on with the rest', async () => {
      const [first, poisoned, last] = [event(null), event(null), event(null)]
      await write(first, poisoned, last)
      sink.answer = (offered) => ({
        done: offered.length,
        refused: offered
          .filter(({ id }) => id === poisoned.id)
          .map((one) => ({ event: one, attempts: 5, error: 'too large' })),
        error: null,
      })
      relay = new OutboxRelay(postgres, sink, log)
      await until(isEmpty)
      const [letter, ...others] = await deadLetters()
      assert.deepEqual(others, [])
      assert.deepEqual(
        { ...letter, event: JSON.parse(letter!['event']).id },
        { event_id: poisoned.id, attempts: 5, error: 'too large', event: poisoned.id, body: null },
      )
      assert.deepEqual(relay.counts, { published: 2, deadLetters: 1, isUp: true })
    })

    it('loses no dead letter of a turn whose end could not be published', async () => {
      const [poisoned, later] = [event(null), event(null)]
      await write(poisoned, later)
      let attempts = 0
      sink.answer = (offered) => {
        const refused = offered
          .filter(({ id }) => id === poisoned.id)
          .map((one) => ({ event: one, attempts: 5, error: 'too large' }))
        return ++attempts === 1
          ? { done: 1, refused, error: new Error('no broker') }
          : { done: offered.length, refused, error: null }
      }
      relay = new OutboxRelay(postgres, sink, log)
      await until(isEmpty)
      assert.deepEqual(
        (await deadLetters()).map((row) => row['event_id']),
        [poisoned.id],
      )
      assert.equal(sink.taken.at(-1)!.id, later.id)
    })

    it('keeps a line with a NUL in it, or an id that is none, as it keeps any other, and is held up by neither', async () => {
      const raw = Buffer.from('{"id":"x\0"}')
      await storage.queries.rows('insert into outbox (events, body) values (1, $1)', [raw])
      const [odd, good] = [event(null, { id: 'not-a-uuid' }), event(null)]
      await write(odd, good)
      sink.answer = (offered) => ({
        done: offered.length,
        refused: offered.filter(({ id }) => id === odd.id).map((one) => ({ event: one, attempts: 5, error: 'odd' })),
        error: null,
      })
      relay = new OutboxRelay(postgres, sink, log)
      await until(isEmpty)
      const [unreadable, refused] = (await deadLetters()).slice(-2)
      assert.deepEqual(unreadable!['body'], raw)
      assert.equal(unreadable!['event'], null)
      assert.deepEqual([refused!['event_id'], JSON.parse(refused!['event']).id], [null, odd.id])
      assert.equal(sink.taken.at(-1)!.id, good.id)
    })

    it('keeps a damaged row, and a line that is no event, among the dead letters', async () => {
      const good = event(null)
      await storage.queries.rows("insert into outbox (events, body) values (1, 'damaged')")
      await write(event(null, { id: undefined as unknown as string }), good)
      relay = new OutboxRelay(postgres, sink, log)
      await until(isEmpty)
      assert.deepEqual(
        sink.taken.map(({ id }) => id),
        [good.id],
      )
      const letters = await deadLetters()
      assert.equal(letters.length, 2)
      assert.equal(String(letters[0]!['body']), 'damaged')
      assert.match(letters[1]!['error'], /no id/)
    })

    it('publishes a dead letter that was put back, as docs/operator.md says', async () => {
      const one = event(null)
      await storage.queries.rows('insert into outbox_dead_letters (attempts, error, event) values (5, $1, $2)', [
        'too large',
        fullEventJson(one),
      ])
      await storage.queries.rows(
        `with again as (delete from outbox_dead_letters where event is not null returning event)
         insert into outbox (events, body) select 1, convert_to(event, 'UTF8') from again`,
      )
      relay = new OutboxRelay(postgres, sink, log)
      await until(isEmpty)
      assert.deepEqual(
        sink.taken.map(({ json }) => json),
        [fullEventJson(one)],
      )
      assert.deepEqual(await deadLetters(), [])
    })

    it('leaves the outbox to the process that is publishing', async () => {
      let release = (): void => {}
      const held = new Promise<void>((resolve) => (release = resolve))
      let hasIt = false
      const holder = postgres.transaction(async (tx) => {
        hasIt = await lockOutbox(tx)
        await held
      })
      await until(() => hasIt)
      await write(event(null))
      relay = new OutboxRelay(postgres, sink, log)
      await until(() => relay!.counts.isUp) // It has looked.
      assert.deepEqual(sink.taken, [])
      release()
      await holder
      relay.wake()
      await until(() => sink.taken.length === 1)
    })
  })
})
