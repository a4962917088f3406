import type { SuppressionList } from '../../model/suppression-list.ts'
import { given, json } from '../columns.ts'
import type { Row } from '../postgres.ts'
import type { TableLayout } from '../table-layout.ts'

export const SUPPRESSION_LISTS: TableLayout<SuppressionList> = {
  table: 'suppression_lists',
  kind: 'suppression-list',
  hasStatus: false,
  columns: (list) =>
    given({
      account_id: list.accountId,
      name: list.name,
      kind: list.kind,
      source: list.source,
      state: list.state,
      version_date: list.versionDate,
      expires_after_days: list.expiresAfterDays,
      when_expired: list.whenExpired,
      lookup: json(list.lookup),
      numbers: list.numbers,
      revision: list.revision,
      replaced_at: list.replacedAt,
    }),
  read: (row: Row) => ({
    id: row['id'],
    accountId: row['account_id'],
    name: row['name'],
    kind: row['kind'],
    source: row['source'],
    state: row['state'],
    versionDate: row['version_date'],
    expiresAfterDays: row['expires_after_days'],
    whenExpired: row['when_expired'],
    lookup: row['lookup'],
    numbers: Number(row['numbers']),
    revision: row['revision'],
    replacedAt: row['replaced_at'],
    version: row['version'],
    createdAt: row['created_at'],
    updatedAt: row['updated_at'],
  }),
}
