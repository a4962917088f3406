import type { FraudScoreFilter, FraudScores, LabelledRule, Page, PageRequest } from '../api/needs.ts'
import type { FraudKeeper, JudgedCaller, PastCall } from '../gateway/needs.ts'
import type { FraudContribution, FraudFeedback, FraudScore } from '../model/fraud.ts'
import { isId, type CallId } from '../model/ids.ts'
import { BinaryRows, rowTypeIds, type RowType, type RowTypeIds } from './binary-rows.ts'
import { pageLimit, pageOf, readCursor, UUID_KEY } from './cursor.ts'
import type { Queries, Row } from './postgres.ts'
import { timestamp } from './timestamp.ts'

/** Calls read at a time. */
const PAGE = 5_000
/** The latest of before a start that are counted again: some 3 s of reading. */
const MOST_PAST_CALLS = 200_000
/** Callers whose calls analysts have judged, the latest. */
const MOST_JUDGED = 50_000
/** Rows deleted at a time. */
const PRUNED = 10_000

/** The table's own, as migrations 0037 and 0043 make it. */
const SCORES: RowType = {
  name: 'fraud_scores',
  columns: [
    ['call_id', 'uuid'],
    ['at', 'timestamptz'],
    ['seller_id', 'uuid'],
    ['number_id', 'uuid'],
    ['trunk_id', 'uuid'],
    ['score', 'double precision'],
    ['action', 'text'],
    ['enforced', 'boolean'],
    ['model_score', 'double precision'],
    ['reasons', 'json'],
    ['contributions', 'json'],
  ],
}

const SCORE = `s.*, (select c.ani from known_calls c where c.id = s.call_id) as ani`

/** Scores worth a note, what analysts said of calls, and the calls of before a start. */
export class PostgresFraud implements FraudScores, FraudKeeper {
  readonly #queries: Queries
  #types: RowTypeIds | null = null

  constructor(queries: Queries) {
    this.#queries = queries
  }

  async addScores(scores: readonly FraudScore[]): Promise<void> {
    const rows = scores.map((each) => ({
      call_id: each.callId,
      at: timestamp(each.at),
      seller_id: each.sellerId,
      number_id: each.numberId,
      trunk_id: each.trunkId,
      score: each.score,
      action: each.action,
      enforced: each.isEnforced,
      model_score: each.modelScore,
      reasons: each.reasons,
      contributions: each.contributions.map(storeContribution),
    }))
    try {
      this.#types ??= await rowTypeIds(this.#queries, [SCORES.name])
      await this.#queries.rows(
        'insert into fraud_scores select * from unnest($1::fraud_scores[]) on conflict (call_id) do nothing',
        [BinaryRows.of(rows, SCORES, this.#types)],
      )
    } catch (error) {
      this.#types = null // A table made anew has another number.
      throw error
    }
  }

  async findScore(id: CallId): Promise<FraudScore | null> {
    if (!isId(id)) return null
    const [row] = await this.#queries.rows(`select ${SCORE} from fraud_scores s where call_id = $1`, [id])
    return row ? readScore(row) : null
  }

  async listScores(page: PageRequest, filter: FraudScoreFilter): Promise<Page<FraudScore>> {
    const values: unknown[] = []
    const tests = ['true']
    const test = (sql: string, value: unknown): void => {
      if (value !== undefined) tests.push(sql.replace('?', `$${values.push(value)}`))
    }
    test('seller_id = ?', filter.sellerId)
    test('action = ?', filter.action)
    test('score >= ?', filter.minScore)
    test('at >= ?', filter.since)
    test('at < ?', filter.until)
    if (page.cursor !== null) {
      const { ms, key } = readCursor(page.cursor, UUID_KEY)
      tests.push(`(at, call_id) < ($${values.push(new Date(ms))}, $${values.push(key)})`)
    }
    const text = `select ${SCORE} from fraud_scores s where ${tests.join(' and ')} order by at desc, call_id desc limit ${pageLimit(page) + 1}`
    return pageOf(await this.#queries.rows(text, values), page, readScore, (row) => ({
      ms: row['at'].getTime(),
      key: row['call_id'],
    }))
  }

  async addFeedback({ callId, label, note, by }: Omit<FraudFeedback, 'at'>): Promise<FraudFeedback> {
    const [row] = await this.#queries.rows(
      'insert into fraud_feedback (call_id, label, note, by) values ($1, $2, $3, $4) returning *',
      [callId, label, note, by],
    )
    return readFeedback(row!)
  }

  async feedbackOf(callId: CallId): Promise<readonly FraudFeedback[]> {
    if (!isId(callId)) return []
    const rows = await this.#queries.rows('select * from fraud_feedback where call_id = $1 order by id desc', [callId])
    return rows.map(readFeedback)
  }

  async labelledRules(): Promise<readonly LabelledRule[]> {
    const rows = await this.#queries.rows(
      `with latest as (select distinct on (call_id) call_id, label from fraud_feedback order by call_id, id desc)
       select reason ->> 'rule' as rule, count(*) filter (where label = 'fraud')::int as fraud, count(*) filter (where label = 'clean')::int as clean
       from latest join fraud_scores s using (call_id), json_array_elements(s.reasons) reason group by 1 order by 1`,
    )
    return rows.map((row) => ({ rule: row['rule'], fraud: row['fraud'], clean: row['clean'] }))
  }

  async judgedCallers(since: Date): Promise<readonly JudgedCaller[]> {
    const rows = await this.#queries.rows(
      `select c.ani, f.label from (select * from fraud_feedback where at >= $1 order by id desc limit ${MOST_JUDGED}) f
       join calls c on c.id = f.call_id where c.ani is not null order by f.id`,
      [since],
    )
    return rows.map((row) => ({ ani: row['ani'], label: row['label'] }))
  }

  async *pastCalls(since: Date): AsyncGenerator<PastCall> {
    const [last] = await this.#queries.rows(
      `select received_at from calls where received_at >= $1 order by received_at desc offset ${MOST_PAST_CALLS} limit 1`,
      [since],
    )
    const from: Date = last?.['received_at'] ?? since
    let [afterTime, afterId]: [Date, string] = [from, '00000000-0000-0000-0000-000000000000']
    for (;;) {
      const rows = await this.#queries.rows(
        `select c.id, c.ani, c.dnis, c.trunk_id, c.seller_id, c.number_id, c.vertical, c.traffic_type, c.received_at, c.ringing_at,
           c.ended_at, c.outcome, c.target_id, c.buyer_id, c.duration_ms, c.price_micros > 0 as billed, c.hung_up_by,
           c.legs -> 0 -> 'media' -> 'quality' ->> 'fault' as fault, b.billable_after
         from calls c left join bids b on b.id = c.bid_id
         where (c.received_at, c.id) > ($1, $2) and c.received_at >= $1 and c.number_id is not null and c.traffic_type is not null
           and c.checks::text <> '[]' -- Others were refused before anybody looked at them: their trunk had no room.
         order by c.received_at, c.id limit ${PAGE}`,
        [afterTime, afterId],
      )
      for (const row of rows) yield readPastCall(row)
      const end = rows.at(-1)
      if (end === undefined || rows.length < PAGE) return
      afterTime = end['received_at']
      afterId = end['id']
    }
  }

  async prune(scoresBefore: Date, blocksBefore: Date): Promise<void> {
    for (const [table, key, column, before] of [
      ['fraud_scores', 'call_id', 'at', scoresBefore],
      ['fraud_blocks', 'id', 'until', blocksBefore],
    ] as const) {
      const text = `delete from ${table} where ${key} in (select ${key} from ${table} where ${column} < $1 limit ${PRUNED}) returning 1`
      // An attack leaves more in ten minutes than are deleted at a time.
      while ((await this.#queries.rows(text, [before])).length === PRUNED);
    }
  }
}

function readScore(row: Row): FraudScore {
  return {
    callId: row['call_id'],
    at: row['at'],
    ani: row['ani'],
    sellerId: row['seller_id'],
    numberId: row['number_id'],
    trunkId: row['trunk_id'],
    score: row['score'],
    action: row['action'],
    isEnforced: row['enforced'],
    modelScore: row['model_score'],
    reasons: row['reasons'],
    contributions: row['contributions'].map(readContribution),
  }
}

/** Without the names of its properties: ten of them are most of a score. */
type StoredContribution = [feature: string, value: number, contribution: number]

function storeContribution({ feature, value, contribution }: FraudContribution): StoredContribution {
  return [feature, value, contribution]
}

function readContribution(stored: StoredContribution | FraudContribution): FraudContribution {
  if (!Array.isArray(stored)) return stored // As earlier versions wrote it.
  const [feature, value, contribution] = stored
  return { feature, value, contribution }
}

function readFeedback(row: Row): FraudFeedback {
  return { callId: row['call_id'], label: row['label'], note: row['note'], by: row['by'], at: row['at'] }
}

function readPastCall(row: Row): PastCall {
  const receivedAt: Date = row['received_at']
  const ringingAt: Date | null = row['ringing_at']
  return {
    id: row['id'],
    receivedAt,
    endedAt: row['ended_at'] ?? receivedAt,
    ani: row['ani'],
    dnis: row['dnis'],
    trunkId: row['trunk_id'],
    sellerId: row['seller_id'],
    numberId: row['number_id'],
    vertical: row['vertical'] ?? '',
    trafficType: row['traffic_type'],
    outcome: row['outcome'] ?? 'failed',
    targetId: row['target_id'],
    buyerId: row['buyer_id'],
    durationMs: row['duration_ms'],
    pddMs: ringingAt && ringingAt.getTime() - receivedAt.getTime(),
    billableAfter: row['billable_after'],
    isBilled: row['billed'],
    hungUpBy: row['hung_up_by'],
    audioFault: row['fault'],
  }
}
