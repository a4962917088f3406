import {
  StoreConflict,
  type AnnouncePosting,
  type DisputeFilter,
  type DisputeStore,
  type Page,
  type PageRequest,
} from '../api/needs.ts'
import type { Dispute, DisputeDecision, PaidByConversion } from '../model/dispute.ts'
import type { CallId, DisputeId } from '../model/ids.ts'
import type { Posting } from '../model/ledger.ts'
import { readMicros } from './columns.ts'
import { pageLimit, pageOf, readCursor, UUID_KEY } from './cursor.ts'
import type { PostgresLedger } from './ledger-store.ts'
import type { Postgres, Queries, Row } from './postgres.ts'

/** What buyers claim back, and what became of it. */
export class PostgresDisputes implements DisputeStore {
  readonly #postgres: Postgres
  readonly #ledger: PostgresLedger

  constructor(postgres: Postgres, ledger: PostgresLedger) {
    this.#postgres = postgres
    this.#ledger = ledger
  }

  async open(dispute: Dispute): Promise<void> {
    const { id, callId, buyerId, sellerId, currency, chargedMicros, paidMicros, reason, note, openedAt } = dispute
    const rows = await this.#postgres.rows(
      `insert into disputes
         (id, call_id, buyer_id, seller_id, currency, charged_micros, paid_micros, reason, note, state, opened_at)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'open', $10) on conflict do nothing returning id`,
      [id, callId, buyerId, sellerId, currency, chargedMicros, paidMicros, reason, note, openedAt],
    )
    if (rows.length === 0) throw new StoreConflict('callId', 'the call has been disputed already')
  }

  async find(id: DisputeId): Promise<Dispute | null> {
    const [row] = await this.#postgres.rows('select * from disputes where id = $1', [id])
    return row ? readDispute(row) : null
  }

  async list(page: PageRequest, filter: DisputeFilter): Promise<Page<Dispute>> {
    const after = page.cursor === null ? null : readCursor(page.cursor, UUID_KEY)
    const rows = await this.#postgres.rows(
      `select * from disputes
       where ($1::uuid is null or buyer_id = $1) and ($2::uuid is null or seller_id = $2)
         and ($3::uuid is null or call_id = $3) and ($4::text is null or state = $4)
         and ($5::timestamptz is null or (opened_at, id) < ($5, $6::uuid))
       order by opened_at desc, id desc limit $7`,
      [
        filter.buyerId ?? null,
        filter.sellerId ?? null,
        filter.callId ?? null,
        filter.state ?? null,
        after && new Date(after.ms),
        after && after.key,
        pageLimit(page) + 1,
      ],
    )
    return pageOf(rows, page, readDispute, (row) => ({ ms: row['opened_at'].getTime(), key: row['id'] }))
  }

  async paidByConversion(callId: CallId): Promise<PaidByConversion | null> {
    const [row] = await this.#postgres.rows(
      `select charged_micros, paid_micros, (select max(p.posted_at) from ledger_postings p
         where p.call_id = v.call_id and p.kind = 'conversion') as at
       from conversion_sales v where v.call_id = $1 and v.charged_micros > 0`,
      [callId],
    )
    return row
      ? { chargedMicros: readMicros(row['charged_micros']), paidMicros: readMicros(row['paid_micros']), at: row['at'] }
      : null
  }

  async decide(
    id: DisputeId,
    decision: DisputeDecision,
    posting: Posting | null,
    announce?: AnnouncePosting,
  ): Promise<Dispute | null> {
    const decided = await this.#postgres.transaction(async (tx) => {
      // Whoever comes second waits here for the first, and finds it open no more.
      const [open] = await tx.rows(`select id, call_id from disputes where id = $1 and state = 'open' for update`, [id])
      if (!open) return null
      if (posting) await holdStill(tx, open['call_id'], decision)
      const posted = posting && (await this.#ledger.postIn(tx, posting, announce))
      const { state, decidedAt, decision: words, creditMicros, clawbackMicros } = decision
      const [row] = await tx.rows(
        `update disputes set state = $2, decided_at = $3, decision = $4, credit_micros = $5, clawback_micros = $6, posting_id = $7,
           charged_micros = $8, paid_micros = $9
         where id = $1 returning *`,
        [
          id,
          state,
          decidedAt,
          words,
          creditMicros,
          clawbackMicros,
          posted?.stored.id ?? null,
          decision.chargedMicros,
          decision.paidMicros,
        ],
      )
      return { dispute: readDispute(row!), version: posted?.version ?? null }
    })
    if (decided === null) return null
    if (posting && decided.version !== null) await this.#ledger.written(decided.version, posting)
    return decided.dispute
  }
}

/** What a call by conversion has cost is looked at under the lock that reports of it are counted under. */
async function holdStill(tx: Queries, callId: string, { chargedMicros, paidMicros }: DisputeDecision): Promise<void> {
  const [sale] = await tx.rows(
    'select charged_micros, paid_micros from conversion_sales where call_id = $1 for update',
    [callId],
  )
  const isSame =
    !sale || (readMicros(sale['charged_micros']) === chargedMicros && readMicros(sale['paid_micros']) === paidMicros)
  if (!isSame) throw new StoreConflict('callId', 'what was paid for the call has just changed')
}

function readDispute(row: Row): Dispute {
  return {
    id: row['id'],
    callId: row['call_id'],
    buyerId: row['buyer_id'],
    sellerId: row['seller_id'],
    currency: row['currency'],
    chargedMicros: readMicros(row['charged_micros']),
    paidMicros: readMicros(row['paid_micros']),
    reason: row['reason'],
    note: row['note'],
    state: row['state'],
    openedAt: row['opened_at'],
    decidedAt: row['decided_at'],
    decision: row['decision'],
    creditMicros: readMicros(row['credit_micros']),
    clawbackMicros: readMicros(row['clawback_micros']),
    postingId: row['posting_id'],
  }
}
