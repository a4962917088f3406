import { firstIdOf, timeOfId } from '../id-times.ts'
import type { Queries, Row } from '../postgres.ts'
import { unpackDecision } from '../decision-rows.ts'

/** What is kept how long, days: the settings `retention.*`. */
export interface RetentionDays {
  readonly callsDays: number
  readonly auctionsDays: number
  readonly decisionsDays: number
  readonly trackingDays: number
  readonly webhookDeliveriesDays: number
  readonly deadLettersDays: number
  readonly accessDays: number
  readonly archiveDays: number
  readonly lawDays: number
}

/** As the settings have them when nobody sets any. */
export const DEFAULT_RETENTION: RetentionDays = {
  callsDays: 90,
  auctionsDays: 90,
  decisionsDays: 90,
  trackingDays: 90,
  webhookDeliveriesDays: 30,
  deadLettersDays: 90,
  accessDays: 2557,
  archiveDays: 2557,
  lawDays: 1827,
}

/** A row on its way to the archive. */
interface OldRow {
  readonly callId: string
  readonly at: Date
  readonly line: string
}

export interface Batch {
  readonly rows: readonly OldRow[]
  /** Where the next batch begins, in tables whose rows stay; null: they go. */
  readonly after: string | null
}

interface RetentionClass {
  readonly name: string
  readonly setting: keyof RetentionDays
  /** Why so long. */
  readonly source: string
  /** Counts rows that are old enough, at most `limit`. */
  readonly waiting: (queries: Queries, before: Date, limit: number) => Promise<number>
}

/** Rows that move to the archive. */
export interface ArchivedClass extends RetentionClass {
  /** Takes some of the oldest out of their table, in the transaction that archives them. */
  readonly take: (tx: Queries, before: Date, most: number) => Promise<Batch>
}

/** Rows that are deleted. */
export interface DeletedClass extends RetentionClass {
  /** Answers how many were deleted. */
  readonly drop: (tx: Queries, before: Date, most: number) => Promise<number>
}

/** Where retention has come in a table whose rows stay. */
export async function progressOf(queries: Queries, name: string): Promise<string> {
  const [row] = await queries.rows('select after_id from privacy_progress where class = $1', [name])
  return row?.['after_id'] ?? '00000000-0000-0000-0000-000000000000'
}

export async function saveProgress(tx: Queries, name: string, after: string): Promise<void> {
  await tx.rows(
    'insert into privacy_progress (class, after_id) values ($1, $2) on conflict (class) do update set after_id = excluded.after_id',
    [name, after],
  )
}

async function count(queries: Queries, select: string, values: readonly unknown[], limit: number): Promise<number> {
  const [row] = await queries.rows(`select count(*)::int as n from (${select} limit ${limit}) old`, values)
  return row!['n']
}

const ACTIVE = 'a seller’s and a buyer’s disputes and reports look back a quarter; the operator’s own rule'

export const ARCHIVED: readonly ArchivedClass[] = [
  {
    name: 'calls',
    setting: 'callsDays',
    source: ACTIVE,
    async waiting(queries, before, limit) {
      const after = await progressOf(queries, 'calls')
      return count(queries, 'select from calls where id > $1 and id < $2', [after, firstIdOf(before)], limit)
    },
    async take(tx, before, most) {
      const rows = await tx.rows(
        `select id as call_id, received_at as at, row_to_json(c)::text as line from calls c where id > $1 and id < $2 order by id limit $3 for update`,
        [await progressOf(tx, 'calls'), firstIdOf(before), most],
      )
      // Who called whom and at what price stays: money and reports are counted from it.
      await tx.rows(`update calls set trace = '[]' where id = any ($1)`, [rows.map((row) => row['call_id'])])
      return { rows: rows.map(readOld), after: rows.at(-1)?.['call_id'] ?? null }
    },
  },
  {
    name: 'decisions',
    setting: 'decisionsDays',
    source: ACTIVE,
    waiting: (queries, before, limit) =>
      count(queries, 'select from decisions where auction_id < $1', [firstIdOf(before)], limit),
    async take(tx, before, most) {
      const rows = await tx.rows(
        'select auction_id, call_id, body from decisions where auction_id < $1 order by auction_id limit $2 for update',
        [firstIdOf(before), most],
      )
      await tx.rows('delete from decisions where auction_id = any ($1)', [rows.map((row) => row['auction_id'])])
      return { rows: rows.map(readDecision), after: null }
    },
  },
  {
    name: 'auctions',
    setting: 'auctionsDays',
    source: ACTIVE,
    waiting: (queries, before, limit) =>
      count(queries, 'select from auctions where id < $1', [firstIdOf(before)], limit),
    async take(tx, before, most) {
      const rows = await tx.rows(
        `select id, call_id, decided_at as at, row_to_json(a)::text as line from auctions a where id < $1 order by id limit $2 for update`,
        [firstIdOf(before), most],
      )
      await tx.rows('delete from auctions where id = any ($1)', [rows.map((row) => row['id'])])
      return { rows: rows.map(readOld), after: null }
    },
  },
  {
    name: 'tracking',
    setting: 'trackingDays',
    source: `${ACTIVE}; reports that money was moved by stay with the ledger`,
    async waiting(queries, before, limit) {
      const after = timeOfId(await progressOf(queries, 'tracking'))
      return count(
        queries,
        `select from tracking_events t where received_at >= $1 and received_at < $2 and ${WITHOUT_MONEY}`,
        [after, before],
        limit,
      )
    },
    async take(tx, before, most) {
      const rows = await tx.rows(
        `select id, call_id, received_at as at, row_to_json(t)::text as line from tracking_events t
         where received_at >= $1 and received_at < $2 and ${WITHOUT_MONEY} order by received_at, id limit $3 for update`,
        [timeOfId(await progressOf(tx, 'tracking')), before, most],
      )
      await tx.rows(`set local dce.privacy = 'retire'`)
      await tx.rows('delete from tracking_events where id = any ($1)', [rows.map((row) => row['id'])])
      const last = rows.at(-1)
      return { rows: rows.map(readOld), after: last ? firstIdOf(last['at']) : null }
    },
  },
]

const WITHOUT_MONEY = 'not exists (select from conversion_sales s where s.call_id = t.call_id)'

function readOld(row: Row): OldRow {
  return { callId: row['call_id'], at: row['at'], line: row['line'] }
}

function readDecision(row: Row): OldRow {
  const { auction_id, call_id, body } = row
  return {
    callId: call_id,
    at: timeOfId(auction_id),
    line: JSON.stringify({ auction_id, call_id, body: unpackDecision(body) }),
  }
}

function deleted(
  name: string,
  setting: keyof RetentionDays,
  source: string,
  { table, key, old, isAppendOnly = false }: { table: string; key: string; old: string; isAppendOnly?: boolean },
): DeletedClass {
  return {
    name,
    setting,
    source,
    waiting: (queries, before, limit) => count(queries, `select from ${table} where ${old}`, [before], limit),
    async drop(tx, before, most) {
      if (isAppendOnly) await tx.rows(`set local dce.privacy = 'retire'`)
      const gone = await tx.rows(
        `delete from ${table} where ${key} in (select ${key} from ${table} where ${old} limit ${most}) returning 1`,
        [before],
      )
      return gone.length
    },
  }
}

export const DELETED: readonly DeletedClass[] = [
  deleted('webhook_deliveries', 'webhookDeliveriesDays', 'to be sent again by hand for a month', {
    table: 'webhook_deliveries',
    key: 'id',
    old: `state <> 'pending' and ended_at < $1`,
  }),
  deleted('dead_letters', 'deadLettersDays', 'to be published again by hand', {
    table: 'outbox_dead_letters',
    key: 'id',
    old: 'at < $1',
  }),
  deleted('quarantine', 'deadLettersDays', 'to be mended by hand', { table: 'quarantine', key: 'id', old: 'at < $1' }),
  deleted('recording_accesses', 'accessDays', 'proof of who has listened, as long as the archive', {
    table: 'recording_accesses',
    key: 'id',
    old: 'at < $1',
    isAppendOnly: true,
  }),
  deleted('call_monitorings', 'accessDays', 'proof of who has listened, as long as the archive', {
    table: 'call_monitorings',
    key: 'id',
    old: 'at < $1',
    isAppendOnly: true,
  }),
  deleted('archive', 'archiveDays', '7 years: books and claims; 16 CFR 310.5 asks for 5', {
    table: 'privacy_archive',
    key: 'id',
    old: 'youngest_at < $1',
  }),
]
