import type { MonitorStore } from '../gateway/needs.ts'
import type { MonitorNote, OpenMonitoring } from '../model/call-monitor.ts'
import { newId } from '../model/ids.ts'
import type { Queries } from './postgres.ts'

/** Who has monitored which call: rows that are only ever added to. */
export class PostgresMonitorings implements MonitorStore {
  readonly #queries: Queries

  constructor(queries: Queries) {
    this.#queries = queries
  }

  async note({ monitorId, callId, at, event, mode, to, reason, dialog, by }: MonitorNote): Promise<void> {
    const dialogJson = dialog && JSON.stringify(dialog)
    const asker = [by?.accountId ?? null, by?.userId ?? null, by?.role ?? null, by?.source ?? null]
    await this.#queries.rows(
      `insert into call_monitorings
         (id, monitor_id, call_id, at, event, mode, supervisor, reason, dialog, account_id, user_id, role, source)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
      [newId(), monitorId, callId, at, event, mode, to, reason, dialogJson, ...asker],
    )
  }

  async withoutEnd(): Promise<OpenMonitoring[]> {
    const rows = await this.#queries.rows(
      `select distinct on (monitor_id) monitor_id, call_id, mode, supervisor,
              (select j.dialog from call_monitorings j where j.monitor_id = m.monitor_id and j.event = 'joined' limit 1) as dialog
       from call_monitorings m
       where not exists (select from call_monitorings e where e.monitor_id = m.monitor_id and e.event = 'ended')
       order by monitor_id, at desc, id desc`,
      [],
    )
    return rows.map((row) => ({
      monitorId: row['monitor_id'],
      callId: row['call_id'],
      mode: row['mode'],
      to: row['supervisor'],
      dialog: row['dialog'],
    }))
  }
}
