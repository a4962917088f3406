import type { Target } from '../model/trunk.ts'
import type { Row } from './postgres.ts'
import { given, json } from './columns.ts'
import type { TableLayout } from './table-layout.ts'

export const TARGETS: TableLayout<Target> = {
  table: 'targets',
  kind: 'target',
  hasStatus: false,
  columns: (target) =>
    given({
      account_id: target.accountId,
      name: target.name,
      uri: target.uri,
      ring_timeout: target.ringTimeout,
      max_concurrent_calls: target.maxConcurrentCalls,
      caps: json(target.caps),
      audio: json(target.audio),
      direct_media: target.directMedia,
      verstat: target.verstat,
    }),
  read: (row: Row) => ({
    id: row['id'],
    accountId: row['account_id'],
    name: row['name'],
    uri: row['uri'],
    ringTimeout: row['ring_timeout'],
    maxConcurrentCalls: row['max_concurrent_calls'],
    ...(row['caps'] && { caps: row['caps'] }),
    ...(row['audio'] && { audio: row['audio'] }),
    directMedia: row['direct_media'],
    ...(row['verstat'] && { verstat: row['verstat'] }),
    version: row['version'],
    createdAt: row['created_at'],
    updatedAt: row['updated_at'],
  }),
}
