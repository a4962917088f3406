import type { Trunk } from '../model/trunk.ts'
import type { Row } from './postgres.ts'
import { given, json } from './columns.ts'
import type { TableLayout } from './table-layout.ts'

export const TRUNKS: TableLayout<Trunk> = {
  table: 'trunks',
  kind: 'trunk',
  hasStatus: false,
  columns: (trunk) =>
    given({
      account_id: trunk.accountId,
      name: trunk.name,
      direction: trunk.direction,
      addresses: trunk.addresses,
      host: trunk.host,
      username: trunk.username,
      password: trunk.password,
      digest: json(trunk.digest),
      tls_names: trunk.tlsNames,
      priority: trunk.priority,
      register: trunk.register,
      expires: trunk.expires,
      strip_prefix: trunk.stripPrefix,
      max_cps: trunk.maxCps,
      max_concurrent_calls: trunk.maxConcurrentCalls,
      retry_after_on_limit: trunk.retryAfterOnLimit,
      direct_media: trunk.directMedia,
    }),
  read: (row: Row) => ({
    id: row['id'],
    accountId: row['account_id'],
    name: row['name'],
    direction: row['direction'],
    addresses: row['addresses'],
    host: row['host'],
    username: row['username'],
    password: row['password'],
    digest: row['digest'],
    tlsNames: row['tls_names'],
    priority: row['priority'],
    register: row['register'],
    expires: row['expires'],
    stripPrefix: row['strip_prefix'],
    maxCps: row['max_cps'],
    maxConcurrentCalls: row['max_concurrent_calls'],
    retryAfterOnLimit: row['retry_after_on_limit'],
    directMedia: row['direct_media'],
    version: row['version'],
    createdAt: row['created_at'],
    updatedAt: row['updated_at'],
  }),
}
