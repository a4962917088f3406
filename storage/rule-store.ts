import type { ComplianceRule } from '../model/compliance-rule.ts'
import { given, json } from './columns.ts'
import type { Row } from './postgres.ts'
import type { TableLayout } from './table-layout.ts'

export const COMPLIANCE_RULES: TableLayout<ComplianceRule> = {
  table: 'compliance_rules',
  kind: 'compliance-rule',
  hasStatus: false,
  columns: (rule) =>
    given({
      account_id: rule.accountId,
      name: rule.name,
      source: rule.source,
      effect: rule.effect,
      priority: rule.priority,
      enabled: rule.enabled,
      valid_from: rule.validFrom,
      valid_until: rule.validUntil,
      scope: json(rule.scope),
      terms: json(rule.terms),
      changed_by: rule.changedBy,
    }),
  read: (row: Row) => ({
    id: row['id'],
    accountId: row['account_id'],
    name: row['name'],
    source: row['source'],
    effect: row['effect'],
    priority: row['priority'],
    enabled: row['enabled'],
    validFrom: row['valid_from'],
    validUntil: row['valid_until'],
    scope: row['scope'],
    terms: row['terms'],
    changedBy: row['changed_by'],
    version: row['version'],
    createdAt: row['created_at'],
    updatedAt: row['updated_at'],
  }),
}
