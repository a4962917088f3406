import type { RegistrationStore } from '../gateway/needs.ts'
import type { SipUserId } from '../model/ids.ts'
import type { SipBinding } from '../model/sip-user.ts'
import type { Queries } from './postgres.ts'

/** Where SIP users can be reached: a row each, replaced whole. */
export class PostgresRegistrations implements RegistrationStore {
  readonly #queries: Queries

  constructor(queries: Queries) {
    this.#queries = queries
  }

  async load(): Promise<{ userId: SipUserId; bindings: readonly SipBinding[] }[]> {
    const rows = await this.#queries.rows('select user_id, bindings from registrations')
    return rows.map((row) => ({ userId: row['user_id'], bindings: row['bindings'] }))
  }

  async save(changes: readonly { userId: SipUserId; bindings: readonly SipBinding[] }[]): Promise<void> {
    const rows = changes.map(({ userId, bindings }) => ({ user_id: userId, bindings }))
    // A user deleted meanwhile took its row along: nothing is written for it.
    await this.#queries.rows(
      `with given as (select * from jsonb_to_recordset($1::jsonb) as row (user_id uuid, bindings jsonb)),
            gone as (delete from registrations r using given g where r.user_id = g.user_id and g.bindings = '[]')
       insert into registrations (user_id, bindings, updated_at)
       select g.user_id, g.bindings, now() from given g join sip_users u on u.id = g.user_id where g.bindings <> '[]'
       on conflict (user_id) do update set bindings = excluded.bindings, updated_at = excluded.updated_at`,
      [JSON.stringify(rows)],
    )
  }
}
