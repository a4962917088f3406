import type { FraudBlock } from '../model/fraud.ts'
import { given } from './columns.ts'
import type { Row } from './postgres.ts'
import type { TableLayout } from './table-layout.ts'

export const FRAUD_BLOCKS: TableLayout<FraudBlock> = {
  table: 'fraud_blocks',
  kind: 'fraud-block',
  hasStatus: false,
  columns: (block) =>
    given({
      account_id: block.accountId,
      kind: block.kind,
      value: block.value,
      seller_id: block.sellerId,
      until: block.until,
      reason: block.reason,
      made_by: block.madeBy,
    }),
  read: (row: Row) => ({
    id: row['id'],
    accountId: row['account_id'],
    kind: row['kind'],
    value: row['value'],
    sellerId: row['seller_id'],
    until: row['until'],
    reason: row['reason'],
    madeBy: row['made_by'],
    version: row['version'],
    createdAt: row['created_at'],
    updatedAt: row['updated_at'],
  }),
}
