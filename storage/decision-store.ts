import type { DecisionStore, StoredDecision } from '../api/needs.ts'
import type { BidId, CallId } from '../model/ids.ts'
import { isId } from '../model/ids.ts'
import { readAuction } from './auction-rows.ts'
import { readMicros } from './columns.ts'
import { partsNamedBy, partsNamedByPart, readInputs } from './decision-rows.ts'
import { firstIdOf } from './id-times.ts'
import type { Queries, Row } from './postgres.ts'

/** Decisions read at a time: however long the period is, no more are in memory. */
const PAGE = 100
/** Parts that may be kept from one page to the next: past it they are read anew. */
const MOST_PARTS = 20_000

const SELECT = `select a.*, d.body, c.answered_at is not null as answered, c.duration_ms, c.price_micros as billed_micros, c.bid_id as sold_bid
  from decisions d join auctions a on a.id = d.auction_id left join calls c on c.id = a.call_id`

/** What auctions were decided by. */
export class PostgresDecisions implements DecisionStore {
  readonly #queries: Queries

  constructor(queries: Queries) {
    this.#queries = queries
  }

  async findByCall(callId: CallId): Promise<StoredDecision | null> {
    if (!isId(callId)) return null
    const rows = await this.#queries.rows(`${SELECT} where a.call_id = $1 order by a.decided_at desc limit 1`, [callId])
    const [decision] = await this.#read(rows, new Map())
    return decision ?? null
  }

  async *between(from: Date, to: Date): AsyncGenerator<StoredDecision> {
    const parts = new Map<string, string>()
    let after = firstIdOf(from)
    const until = firstIdOf(to)
    for (;;) {
      const rows = await this.#queries.rows(
        `${SELECT} where d.auction_id > $1 and d.auction_id < $2 order by d.auction_id limit ${PAGE}`,
        [after, until],
      )
      yield* await this.#read(rows, parts)
      if (rows.length < PAGE) return
      after = rows.at(-1)!['id']
    }
  }

  /** `parts` are those known already: it is given those that were missing. */
  async #read(rows: readonly Row[], parts: Map<string, string>): Promise<StoredDecision[]> {
    if (parts.size > MOST_PARTS) parts.clear()
    const named = rows.flatMap((row) => namedBy(row['body']))
    await this.#find(named, parts)
    await this.#find(
      [...new Set(named)].flatMap((hash) => partsNamedByPart(parts.get(hash) ?? '')),
      parts,
    )
    return rows.map((row) => readRow(row, parts))
  }

  async #find(hashes: readonly string[], parts: Map<string, string>): Promise<void> {
    const missing = [...new Set(hashes)].filter((hash) => !parts.has(hash))
    if (missing.length === 0) return
    const found = await this.#queries.rows('select hash, body from decision_parts where hash = any ($1)', [missing])
    for (const { hash, body } of found) parts.set(hash, body)
  }
}

function readRow(row: Row, parts: ReadonlyMap<string, string>): StoredDecision {
  const auction = readAuction(row)
  const call =
    row['duration_ms'] === null
      ? null
      : {
          bidId: row['sold_bid'] as BidId | null,
          wasAnswered: row['answered'] as boolean,
          durationMs: row['duration_ms'] as number,
          billedMicros: readMicros(row['billed_micros']),
        }
  try {
    return { auction, call, inputs: readInputs(auction.callId, row['body'], parts), damage: null }
  } catch (error) {
    return { auction, call, inputs: null, damage: (error as Error).message }
  }
}

/** A damaged body names nothing; reading it says so. */
function namedBy(body: string): string[] {
  try {
    return partsNamedBy(body)
  } catch {
    return []
  }
}
