import type { DeliveryFilter, DeliveryStore, Page, PageRequest } from '../api/needs.ts'
import type { Vault } from '../config/vault.ts'
import type { DeliveryResult, DueDelivery, WebhookOutbox } from '../gateway/needs.ts'
import type { Webhook, WebhookDelivery, WebhookId } from '../model/webhook.ts'
import { given } from './columns.ts'
import { pageLimit, pageOf, readCursor, SERIAL_KEY } from './cursor.ts'
import type { Queries, Row } from './postgres.ts'
import { storableJson } from './storable-json.ts'
import type { TableLayout } from './table-layout.ts'
import { openColumn } from './sealed-layout.ts'
import { timestampOrNull } from './timestamp.ts'

/** What is kept of deliveries that are over: of those that arrived, and of those given up. */
const KEPT = { delivered: '7 days', dead: '30 days' } as const
/** Events that may wait for one webhook; beyond it the oldest are given up. */
export const MOST_PENDING = 100_000
/** Rows changed by one statement of a sweep. */
const SWEEP_ROWS = 5_000
/** Deliveries sent again by one call. */
export const MOST_REPLAYED = 10_000

export const WEBHOOKS: TableLayout<Webhook> = {
  table: 'webhooks',
  kind: 'webhook',
  hasStatus: true,
  columns: (webhook) =>
    given({
      account_id: webhook.accountId,
      url: webhook.url,
      event_types: webhook.eventTypes,
      description: webhook.description,
      status: webhook.status,
      secret: webhook.secret,
      disabled_reason: webhook.disabledReason,
    }),
  read: (row: Row) => ({
    id: row['id'],
    accountId: row['account_id'],
    url: row['url'],
    eventTypes: row['event_types'],
    description: row['description'],
    status: row['status'],
    secret: row['secret'],
    disabledReason: row['disabled_reason'],
    version: row['version'],
    createdAt: row['created_at'],
    updatedAt: row['updated_at'],
  }),
}

/** Events on their way to webhooks: written with their facts (`write_followups`, migrations/0025), sent from here. */
export class PostgresDeliveries implements DeliveryStore, WebhookOutbox {
  readonly #queries: Queries
  readonly #vault: Vault | null
  readonly #mostPending: number

  constructor(queries: Queries, vault: Vault | null = null, mostPending = MOST_PENDING) {
    this.#queries = queries
    this.#vault = vault
    this.#mostPending = mostPending
  }

  async claim(room: {
    readonly most: number
    readonly perWebhook: number
    readonly underWay: ReadonlyMap<WebhookId, number>
    readonly leaseMs: number
  }): Promise<DueDelivery[]> {
    const rows = await this.#queries.rows(
      `with busy as (select * from unnest($3::uuid[], $4::integer[]) as b(id, n)), due as (
         select d.id from webhooks w left join busy on busy.id = w.id
         cross join lateral (
           select d.id from webhook_deliveries d
           where d.webhook_id = w.id and d.state = 'pending' and d.due_at <= now()
           order by d.due_at, d.id limit greatest(0, $2::integer - coalesce(busy.n, 0)) for update skip locked
         ) d
         where w.status = 'active' order by random() limit $1
       )
       update webhook_deliveries d set due_at = now() + make_interval(secs => $5::float8 / 1000), attempts = d.attempts + 1,
         first_tried_at = coalesce(d.first_tried_at, now())
       from due, webhooks w where d.id = due.id and w.id = d.webhook_id
       returning d.id, d.webhook_id, d.event_id, d.type, d.body, d.attempts, d.first_tried_at, w.url, w.secret, w.account_id`,
      [room.most, room.perWebhook, [...room.underWay.keys()], [...room.underWay.values()], room.leaseMs],
    )
    return rows.map((row) => ({
      id: row['id'],
      webhookId: row['webhook_id'],
      accountId: row['account_id'],
      eventId: row['event_id'],
      type: row['type'],
      body: row['body'],
      attempts: row['attempts'],
      firstTriedAt: row['first_tried_at'],
      url: row['url'],
      secret: openColumn(row['secret'], 'webhooks', 'secret', this.#vault) as string,
    }))
  }

  async finish(results: readonly DeliveryResult[]): Promise<void> {
    const rows = results.map(({ id, state, status, error, dueAt }) => ({
      id,
      state,
      status,
      error,
      due_at: timestampOrNull(dueAt),
    }))
    await this.#queries.rows(
      `update webhook_deliveries d set state = r.state, status = r.status, error = r.error, due_at = coalesce(r.due_at, d.due_at),
         ended_at = case when r.state <> 'pending' then now() end
       from jsonb_to_recordset($1::jsonb) as r(id bigint, state text, status integer, error text, due_at timestamptz)
       where d.id = r.id and d.state = 'pending'`,
      [storableJson(rows)],
    )
  }

  async hasDelivered(id: WebhookId, since: Date): Promise<boolean> {
    const [row] = await this.#queries.rows(
      `select exists (select from webhook_deliveries where webhook_id = $1 and state = 'delivered' and ended_at >= $2) as yes`,
      [id, since],
    )
    return row!['yes']
  }

  /** Keeps the table within its limits. Answers how many events were given up since too many waited. */
  async sweep(): Promise<number> {
    for (const [state, age] of Object.entries(KEPT))
      for (;;) {
        const gone = await this.#queries.rows(
          `delete from webhook_deliveries where id in (
             select id from webhook_deliveries where state = $1 and ended_at < now() - $2::interval limit ${SWEEP_ROWS}
           ) returning id`,
          [state, age],
        )
        if (gone.length < SWEEP_ROWS) break
      }
    const givenUp = await this.#queries.rows(
      `update webhook_deliveries set state = 'dead', error = 'too many events waited', ended_at = now()
       where id in (
         select d.id from webhooks w cross join lateral (
           select id from webhook_deliveries d where d.webhook_id = w.id and d.state = 'pending' order by id desc offset $1
         ) d
       ) returning id`,
      [this.#mostPending],
    )
    return givenUp.length
  }

  async list(webhookId: WebhookId, page: PageRequest, { state }: DeliveryFilter): Promise<Page<WebhookDelivery>> {
    const before = page.cursor === null ? null : readCursor(page.cursor, SERIAL_KEY).key
    const rows = await this.#queries.rows(
      `select * from webhook_deliveries where webhook_id = $1 and ($2::text is null or state = $2) and ($3::bigint is null or id < $3)
       order by id desc limit $4`,
      [webhookId, state ?? null, before, pageLimit(page) + 1],
    )
    return pageOf(rows, page, readDelivery, (row) => ({ ms: row['created_at'].getTime(), key: row['id'] }))
  }

  async replay(webhookId: WebhookId, filter: { eventId?: string; state?: string; since?: Date }): Promise<number> {
    const rows = await this.#queries.rows(
      `update webhook_deliveries set state = 'pending', due_at = now(), attempts = 0, first_tried_at = null, ended_at = null
       where id in (
         select id from webhook_deliveries
         where webhook_id = $1 and state <> 'pending' and ($2::uuid is null or event_id = $2) and ($3::text is null or state = $3)
           and ($4::timestamptz is null or created_at >= $4)
         order by id limit ${MOST_REPLAYED}
       ) returning id`,
      [webhookId, filter.eventId ?? null, filter.state ?? null, filter.since ?? null],
    )
    return rows.length
  }
}

function readDelivery(row: Row): WebhookDelivery {
  return {
    webhookId: row['webhook_id'],
    eventId: row['event_id'],
    type: row['type'],
    state: row['state'],
    createdAt: row['created_at'],
    dueAt: row['due_at'],
    attempts: row['attempts'],
    endedAt: row['ended_at'],
    status: row['status'],
    error: row['error'],
  }
}
