import type { AnnouncePosting, Page, PageRequest, PayoutReturn, PayoutStore } from '../api/needs.ts'
import type { AccountId } from '../model/ids.ts'
import type { Posting } from '../model/ledger.ts'
import type { Micros } from '../model/money.ts'
import type { Payout, PayoutRun, PayoutRunId } from '../model/payout.ts'
import { readMicros } from './columns.ts'
import { pageLimit, pageOf, readCursor, UUID_KEY } from './cursor.ts'
import type { PostgresLedger } from './ledger-store.ts'
import { PAYOUT_COLUMNS, readPayout, readRun, RUNS } from './payout-rows.ts'
import type { Postgres } from './postgres.ts'

/** Trace numbers keep so many digits of an entry: beyond, the latest is meant. */
const TRACES = 10_000_000n

/** Payouts after their run: read, settled, returned. */
export class PostgresPayouts implements PayoutStore {
  readonly #postgres: Postgres
  readonly #ledger: PostgresLedger

  constructor(postgres: Postgres, ledger: PostgresLedger) {
    this.#postgres = postgres
    this.#ledger = ledger
  }

  async findRun(id: PayoutRunId): Promise<PayoutRun | null> {
    const [row] = await this.#postgres.rows(`${RUNS} where r.id = $1`, [id])
    return row ? readRun(row) : null
  }

  async listRuns(page: PageRequest): Promise<Page<PayoutRun>> {
    const after = page.cursor === null ? null : readCursor(page.cursor, UUID_KEY)
    const rows = await this.#postgres.rows(
      `${RUNS} where $1::timestamptz is null or (r.created_at, r.id) < ($1, $2::uuid)
       order by r.created_at desc, r.id desc limit $3`,
      [after && new Date(after.ms), after && after.key, pageLimit(page) + 1],
    )
    return pageOf(rows, page, readRun, (row) => ({ ms: row['created_at'].getTime(), key: row['id'] }))
  }

  async entries(id: PayoutRunId): Promise<readonly Payout[]> {
    const rows = await this.#postgres.rows(`select ${PAYOUT_COLUMNS} from payouts where run_id = $1 order by entry`, [
      id,
    ])
    return rows.map(readPayout)
  }

  async list(
    filter: { readonly runId?: PayoutRunId; readonly accountId?: AccountId },
    page: PageRequest,
  ): Promise<Page<Payout>> {
    const after = page.cursor === null ? null : readCursor(page.cursor, UUID_KEY)
    const rows = await this.#postgres.rows(
      `select ${PAYOUT_COLUMNS} from payouts
       where ($1::uuid is null or run_id = $1) and ($2::uuid is null or account_id = $2)
         and ($3::timestamptz is null or (created_at, id) < ($3, $4::uuid))
       order by created_at desc, id desc limit $5`,
      [
        filter.runId ?? null,
        filter.accountId ?? null,
        after && new Date(after.ms),
        after && after.key,
        pageLimit(page) + 1,
      ],
    )
    return pageOf(rows, page, readPayout, (row) => ({ ms: row['created_at'].getTime(), key: row['id'] }))
  }

  async settle(id: PayoutRunId, at: Date, createPosting: (amountMicros: Micros) => Posting): Promise<void> {
    const posted = await this.#postgres.transaction(async (tx) => {
      const sent = await tx.rows(`select amount_micros from payouts where run_id = $1 and state = 'sent' for update`, [
        id,
      ])
      if (sent.length === 0) return null
      const posting = createPosting(sent.reduce((sum, row) => sum + readMicros(row['amount_micros']), 0n))
      const { version } = await this.#ledger.postIn(tx, posting)
      await tx.rows(
        `update payouts set state = 'settled', settled_at = $2, settled_posting_id = $3 where run_id = $1 and state = 'sent'`,
        [id, at, posting.id],
      )
      return { version, posting }
    })
    if (posted && posted.version !== null) await this.#ledger.written(posted.version, posted.posting)
  }

  async findByTrace(entry: bigint): Promise<Payout | null> {
    const [row] = await this.#postgres.rows(
      `select ${PAYOUT_COLUMNS} from payouts where entry in (
         select $1::bigint + n * ${TRACES} from generate_series(0, (select last_entry / ${TRACES} from payout_counter)) as n
       ) order by entry desc limit 1`,
      [entry],
    )
    return row ? readPayout(row) : null
  }

  async return(payout: Payout, code: string, at: Date, terms: PayoutReturn): Promise<Payout> {
    const done = await this.#postgres.transaction(async (tx) => {
      const [row] = await tx.rows(`select ${PAYOUT_COLUMNS} from payouts where id = $1 for update`, [payout.id])
      const current = readPayout(row!)
      if (current.state === 'returned') return { payout: current, posted: null }
      const posting = current.amountMicros === 0n ? null : terms.createPosting(current)
      const announce: AnnouncePosting = (balanceOf) => terms.announce(posting!, balanceOf)
      const posted = posting && { posting, version: (await this.#ledger.postIn(tx, posting, announce)).version }
      const [changed] = await tx.rows(
        `update payouts set state = 'returned', returned_at = $2, return_code = $3, return_posting_id = $4
         where id = $1 returning ${PAYOUT_COLUMNS}`,
        [payout.id, at, code, posting?.id ?? null],
      )
      // The very details that the bank did not take; others may have come meanwhile.
      await tx.rows(
        `update bank_accounts set state = 'returned', usable_from = null, return_code = $3, updated_at = $4
         where account_id = $1 and number_sealed = $2`,
        [current.accountId, current.numberSealed, code, at],
      )
      return { payout: readPayout(changed!), posted }
    })
    const { posted } = done
    if (posted && posted.version !== null) await this.#ledger.written(posted.version, posted.posting)
    return done.payout
  }
}
