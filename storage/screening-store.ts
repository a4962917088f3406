import type { RuleVersion, ScreenedCall } from '../api/needs.ts'
import type { RuleId } from '../model/ids.ts'
import type { Queries, Row } from './postgres.ts'

/** Calls read at a time. */
const PAGE = 5_000
/** The latest of before a start that are recalled: some 5 s of reading. */
const MAX_RECALLED = 1_000_000

const COLUMNS = `c.id, c.ani, c.received_at, c.traffic_type, c.vertical, c.seller_id, c.number_id, c.answered_at, n.tags,
       c.legs -> 0 -> 'signature' ->> 'attestation' as attestation
       from calls c left join numbers n on n.id = c.number_id`

/** Every version of a compliance rule, oldest first. */
export async function readRuleHistory(queries: Queries, id: RuleId): Promise<RuleVersion[]> {
  const rows = await queries.rows(
    'select deed, at, version, changed_by, rule from compliance_rule_history where rule_id = $1 order by id',
    [id],
  )
  return rows.map((row) => ({
    deed: row['deed'],
    at: row['at'],
    version: row['version'],
    changedBy: row['changed_by'],
    rule: row['rule'],
  }))
}

/** Ended calls of a time, oldest first, page by page: a page's last call is where the next begins. */
export async function* readScreenedCalls(queries: Queries, from: Date, until: Date): AsyncGenerator<ScreenedCall> {
  let [afterTime, afterId]: [Date, string] = [from, '00000000-0000-0000-0000-000000000000']
  for (;;) {
    const rows = await queries.rows(
      `select ${COLUMNS}
       where (c.received_at, c.id) > ($1, $2) and c.received_at >= $1 and c.received_at < $3 and c.traffic_type is not null
       order by c.received_at, c.id limit ${PAGE}`,
      [afterTime, afterId, until],
    )
    for (const row of rows) yield readCall(row)
    const last = rows.at(-1)
    if (last === undefined || rows.length < PAGE) return
    afterTime = last['received_at']
    afterId = last['id']
  }
}

/** The latest calls since a moment, newest first, of which it is known who the consumer was; `inbound`: those the consumer made too. */
export async function* readLatestCalls(queries: Queries, since: Date, inbound: boolean): AsyncGenerator<ScreenedCall> {
  let [beforeTime, beforeId]: [Date | string, string] = ['infinity', 'ffffffff-ffff-ffff-ffff-ffffffffffff']
  for (let read = 0; read < MAX_RECALLED; read += PAGE) {
    const rows = await queries.rows(
      `select ${COLUMNS}
       where (c.received_at, c.id) < ($1, $2) and c.received_at >= $3 and c.ani is not null and c.traffic_type is not null
         and ($4 or c.traffic_type <> 'inbound')
       order by c.received_at desc, c.id desc limit ${PAGE}`,
      [beforeTime, beforeId, since, inbound],
    )
    for (const row of rows) yield readCall(row)
    const last = rows.at(-1)
    if (last === undefined || rows.length < PAGE) return
    beforeTime = last['received_at']
    beforeId = last['id']
  }
}

function readCall(row: Row): ScreenedCall {
  return {
    id: row['id'],
    isAnswered: row['answered_at'] !== null,
    request: {
      ani: row['ani'],
      zip: null,
      trafficType: row['traffic_type'],
      atMs: row['received_at'].getTime(),
      attestation: row['attestation'],
      offer: {
        sellerId: row['seller_id'],
        numberId: row['number_id'] ?? '',
        vertical: row['vertical'] ?? '',
        tags: row['tags'] ?? {},
      },
    },
  }
}
