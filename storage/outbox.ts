import { fullEventJson, type DomainEvent } from '../model/events.ts'
import { isId } from '../model/ids.ts'
import { packEvents, unpackEvents } from './outbox-body.ts'
import type { Queries, Row } from './postgres.ts'
import { storableJson } from './storable-json.ts'
import { webhookRows } from './webhook-rows.ts'

/** Rows published in one turn: with the events of each bounded by a group commit, so is the turn. */
export const OUTBOX_TURN_ROWS = 64
/** Bytes of their bodies, compressed, beyond which a turn takes no further row: what is unpacked is some ten times that. */
export const OUTBOX_TURN_BYTES = 1024 * 1024
/** Rows deleted by one statement when the outbox is trimmed. */
const TRIM_ROWS = 1000
/** Dead letters kept; beyond it the oldest go. */
export const MAX_DEAD_LETTERS = 10_000
/** Whoever publishes holds this lock of the database: one process at a time, so that a call's events stay in order. */
const PUBLISHER_LOCK = 4_801_001

/** One row: the events of a group commit, each a line of JSON. */
export interface OutboxRow {
  readonly id: string
  readonly at: Date
  readonly events: readonly string[]
}

/** What could not be published. `event` is null when the row itself could not be read. */
export interface DeadLetter {
  readonly eventId: string | null
  readonly attempts: number
  readonly error: string
  readonly event: string | null
  readonly body: Uint8Array | null
}

/** Rows that were read to be published, and those among them that cannot be read. */
export interface OutboxTurn {
  readonly rows: readonly OutboxRow[]
  readonly unreadable: readonly { readonly id: string; readonly letter: DeadLetter }[]
}

export interface OutboxState {
  readonly events: number
  /** Of the oldest row, s; 0 when there is none. */
  readonly ageSeconds: number
  readonly deadLetters: number
}

/** Puts events into the outbox, and has them sent to whoever subscribed, in the transaction of what they tell of. */
export async function keepEvents(tx: Queries, events: readonly DomainEvent[]): Promise<void> {
  if (events.length === 0) return
  const body = packEvents(events.map(fullEventJson))
  const webhooks = storableJson({ webhooks: events.flatMap((event) => webhookRows(event)) })
  await tx.rows(
    `with announced as (insert into outbox (events, body) values ($1, $2)) select write_followups($3, '')`,
    [events.length, body, webhooks],
  )
}

/** Takes the publisher's lock to the end of the transaction. False: another process has it. */
export async function lockOutbox(tx: Queries): Promise<boolean> {
  const [row] = await tx.rows('select pg_try_advisory_xact_lock($1) as locked', [PUBLISHER_LOCK])
  return row!['locked'] === true
}

/**
 * The oldest rows. Whoever sees a row of a call sees the earlier ones too, though ids are given out before commits: a call's next
 * record is not sent before the last one is committed, and rows are deleted one by one, never up to a mark.
 */
export async function readTurn(tx: Queries): Promise<OutboxTurn> {
  const found = await tx.rows(
    `select id, at, body from (
       select id, at, body, sum(octet_length(body)) over (order by id) - octet_length(body) as before
       from (select id, at, body from outbox order by id limit $1) oldest
     ) counted where before < $2 order by id`,
    [OUTBOX_TURN_ROWS, OUTBOX_TURN_BYTES],
  )
  const rows: OutboxRow[] = []
  const unreadable: { id: string; letter: DeadLetter }[] = []
  for (const { id, at, body } of found) {
    try {
      rows.push({ id, at, events: unpackEvents(body) })
    } catch (error) {
      const letter = { eventId: null, attempts: 1, error: (error as Error).message, event: null, body }
      unreadable.push({ id, letter })
    }
  }
  return { rows, unreadable }
}

/** What has been published, or given up, leaves the outbox. */
export async function finishTurn(
  tx: Queries,
  ids: readonly string[],
  deadLetters: readonly DeadLetter[],
): Promise<void> {
  for (const { eventId, attempts, error, event, body } of deadLetters) {
    // Text has no NUL: such an event is kept as the bytes it came in, and goes like any other.
    const isText = event === null || !event.includes('\0')
    const kept = isText ? { event, body } : { event: null, body: Buffer.from(event) }
    const words = error.replaceAll('\0', '\ufffd') // A parser quotes what it could not read.
    await tx.rows(
      'insert into outbox_dead_letters (event_id, attempts, error, event, body) values ($1, $2, $3, $4, $5)',
      [isId(eventId ?? '') ? eventId : null, attempts, words, kept.event, kept.body],
    )
  }
  await tx.rows('delete from outbox where id = any ($1::bigint[])', [ids])
}

export async function outboxState(queries: Queries): Promise<OutboxState> {
  const [row] = await queries.rows(
    `select coalesce(sum(events), 0)::float8 as events, coalesce(extract(epoch from now() - min(at)), 0)::float8 as age,
       (select count(*) from outbox_dead_letters)::float8 as dead_letters from outbox`,
  )
  const { events, age, dead_letters: deadLetters } = row as Row
  return { events, ageSeconds: Math.max(0, age), deadLetters }
}

/**
 * Keeps the outbox within its limits: the oldest rows go until at most `maxEvents` are left, and with them those older than
 * `maxAgeMs` (null: age is no reason). Answers how many events went.
 */
export async function trimOutbox(queries: Queries, maxEvents: number, maxAgeMs: number | null): Promise<number> {
  let trimmed = 0
  for (;;) {
    const { events } = await outboxState(queries)
    const gone = await queries.rows(
      `delete from outbox where id in (
         select id from (
           select id, at, sum(events) over (order by id) - events as before
           from (select id, at, events from outbox order by id limit ${TRIM_ROWS}) oldest
         ) counted where before < $1::float8 or at < now() - make_interval(secs => $2::float8)
       ) returning events`,
      [Math.max(0, events - maxEvents), maxAgeMs === null ? null : maxAgeMs / 1000],
    )
    trimmed += gone.reduce((sum, row) => sum + Number(row['events']), 0)
    if (gone.length < TRIM_ROWS) break
  }
  await queries.rows(
    `delete from outbox_dead_letters where id <= (select id from outbox_dead_letters order by id desc offset $1 limit 1)`,
    [MAX_DEAD_LETTERS],
  )
  return trimmed
}
