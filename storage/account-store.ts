import type { Account } from '../model/account.ts'
import type { Row } from './postgres.ts'
import { given, readMicros } from './columns.ts'
import type { TableLayout } from './table-layout.ts'

export const ACCOUNTS: TableLayout<Account & { accountId?: never }> = {
  table: 'accounts',
  kind: 'account',
  hasStatus: true,
  columns: (account) =>
    given({
      type: account.type,
      name: account.name,
      email: account.email,
      status: account.status,
      currency: account.currency,
      timezone: account.timezone,
      credit_limit_micros: account.creditLimitMicros,
    }),
  read: (row: Row) => ({
    id: row['id'],
    type: row['type'],
    name: row['name'],
    email: row['email'],
    status: row['status'],
    currency: row['currency'],
    timezone: row['timezone'],
    creditLimitMicros: readMicros(row['credit_limit_micros']),
    version: row['version'],
    createdAt: row['created_at'],
    updatedAt: row['updated_at'],
  }),
}
