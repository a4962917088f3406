import type { SipUser } from '../model/sip-user.ts'
import { given, json } from './columns.ts'
import type { Row } from './postgres.ts'
import type { TableLayout } from './table-layout.ts'

export const SIP_USERS: TableLayout<SipUser> = {
  table: 'sip_users',
  kind: 'sip-user',
  hasStatus: true,
  columns: (user) =>
    given({
      account_id: user.accountId,
      username: user.username,
      status: user.status,
      trunk_id: user.trunkId,
      digest: json(user.digest),
    }),
  read: (row: Row) => ({
    id: row['id'],
    accountId: row['account_id'],
    username: row['username'],
    status: row['status'],
    trunkId: row['trunk_id'],
    digest: row['digest'],
    version: row['version'],
    createdAt: row['created_at'],
    updatedAt: row['updated_at'],
  }),
}
