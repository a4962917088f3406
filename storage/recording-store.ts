import type { RecordingStore } from '../gateway/needs.ts'
import { newId, type CallId } from '../model/ids.ts'
import type { CallRecording, RecordingAccess } from '../model/recording.ts'
import type { Queries, Row } from './postgres.ts'

/** Which calls have been recorded, what became of each recording, and who has listened to it. */
export class PostgresRecordings implements RecordingStore {
  readonly #queries: Queries

  constructor(queries: Queries) {
    this.#queries = queries
  }

  async begun({ callId, name, startedAt }: Pick<CallRecording, 'callId' | 'name' | 'startedAt'>): Promise<void> {
    await this.#queries.rows(
      `insert into recordings (call_id, name, started_at, state) values ($1, $2, $3, 'recording') on conflict do nothing`,
      [callId, name, startedAt],
    )
  }

  async ended(recording: Parameters<RecordingStore['ended']>[0]): Promise<void> {
    const { callId, name, startedAt, durationMs, bytes, state, reason } = recording
    await this.#queries.rows(
      `insert into recordings as r (call_id, name, started_at, duration_ms, bytes, state, reason) values ($1, $2, $3, $4, $5, $6, $7)
       on conflict (call_id) do update
       set duration_ms = excluded.duration_ms, bytes = excluded.bytes, state = excluded.state, reason = excluded.reason
       where r.state <> 'erased'`,
      [callId, name, startedAt, durationMs, bytes, state, reason],
    )
  }

  async of(callIds: readonly CallId[]): Promise<CallRecording[]> {
    const rows = await this.#queries.rows('select * from recordings where call_id = any ($1)', [callIds])
    return rows.map(readRecording)
  }

  async underWay(): Promise<CallRecording[]> {
    return (await this.#queries.rows(`select * from recordings where state = 'recording'`, [])).map(readRecording)
  }

  async startedBefore(moment: Date, limit: number): Promise<CallRecording[]> {
    const rows = await this.#queries.rows(
      `select * from recordings where state not in ('erased', 'recording') and started_at < $1 order by started_at limit $2`,
      [moment, limit],
    )
    return rows.map(readRecording)
  }

  async erased(callIds: readonly CallId[], at: Date): Promise<void> {
    await this.#queries.rows(`update recordings set state = 'erased', erased_at = $2 where call_id = any ($1)`, [
      callIds,
      at,
    ])
  }

  async heard({ callId, at, accountId, userId, role, source }: RecordingAccess): Promise<void> {
    await this.#queries.rows(
      `insert into recording_accesses (id, call_id, at, account_id, user_id, role, source) values ($1, $2, $3, $4, $5, $6, $7)`,
      [newId(), callId, at, accountId, userId, role, source],
    )
  }
}

function readRecording(row: Row): CallRecording {
  return {
    callId: row['call_id'],
    name: row['name'],
    startedAt: row['started_at'],
    durationMs: row['duration_ms'],
    bytes: Number(row['bytes']),
    state: row['state'],
    reason: row['reason'],
    erasedAt: row['erased_at'],
  }
}
