import type { Account } from '../model/account.ts'
import type { Row } from './postgres.ts'
import { given, json, readMicros } from './columns.ts'
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
      caps: json(account.caps),
      reserve_price_micros: account.reservePriceMicros,
      low_balance_micros: account.lowBalanceMicros,
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
    ...(row['caps'] && { caps: row['caps'] }),
    ...(row['reserve_price_micros'] !== null && { reservePriceMicros: readMicros(row['reserve_price_micros']) }),
    ...(row['low_balance_micros'] !== null && { lowBalanceMicros: readMicros(row['low_balance_micros']) }),
    version: row['version'],
    createdAt: row['created_at'],
    updatedAt: row['updated_at'],
  }),
}
