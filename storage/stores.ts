import type { Stores } from '../api/needs.ts'
import type { Vault } from '../config/vault.ts'
import type { Clock } from '../model/clock.ts'
import { ACCOUNTS } from './account-store.ts'
import { PostgresApiKeys } from './api-key-store.ts'
import { PostgresBankAccounts } from './bank-account-store.ts'
import { PostgresAudit } from './audit-store.ts'
import { BIDS } from './bid-store.ts'
import { BIDDERS } from './bidder-store.ts'
import { BookWriter } from './book-writer.ts'
import type { Book } from './book.ts'
import { PostgresAuctions, PostgresCalls } from './call-store.ts'
import { CAMPAIGNS } from './campaign-store.ts'
import { PostgresConsents } from './consent-store.ts'
import { PostgresDecisions } from './decision-store.ts'
import { defaultCampaign } from './default-campaign.ts'
import { PostgresDisputes } from './dispute-store.ts'
import { PostgresDnc } from './dnc-store.ts'
import { FRAUD_BLOCKS } from './fraud-block-store.ts'
import { PostgresFraud } from './fraud-store.ts'
import { PostgresIdempotency } from './idempotency-store.ts'
import { PostgresInvoices } from './invoice-store.ts'
import { PostgresLedger } from './ledger-store.ts'
import { NUMBERS } from './number-store.ts'
import { PostgresPayments } from './payment-store.ts'
import { PostgresPayoutRuns } from './payout-run-store.ts'
import { PostgresPayouts } from './payout-store.ts'
import type { Postgres } from './postgres.ts'
import type { PostgresPrivacy } from './privacy/privacy-store.ts'
import { PostgresReassigned } from './reassigned-store.ts'
import { PostgresRefreshTokens } from './refresh-token-store.ts'
import { PostgresReports } from './report-store.ts'
import { COMPLIANCE_RULES } from './rule-store.ts'
import { readRuleHistory, readScreenedCalls } from './screening-store.ts'
import { sealedLayout } from './sealed-layout.ts'
import { SIP_USERS } from './sip-user-store.ts'
import { StoredTable } from './stored-table.ts'
import { PostgresSuppression } from './suppression/suppression-store.ts'
import { TARGETS } from './target-store.ts'
import { PostgresTracking } from './tracking-store.ts'
import { TRUNKS } from './trunk-store.ts'
import { PostgresUsers } from './user-store.ts'
import { PostgresDeliveries, WEBHOOKS } from './webhook-store.ts'

/** Everything the API reads and writes, over one pool and one book. */
export function createStores(
  postgres: Postgres,
  book: Book,
  clock: Clock,
  { vault, privacy }: { readonly vault: Vault | null; readonly privacy: PostgresPrivacy },
): Stores & { tracking: PostgresTracking; deliveries: PostgresDeliveries; fraud: PostgresFraud } {
  const writer = new BookWriter(postgres, book)
  const ledger = new PostgresLedger(postgres, writer)
  const campaigns = new StoredTable(CAMPAIGNS, postgres, writer, clock)
  return {
    accounts: new StoredTable(ACCOUNTS, postgres, writer, clock),
    users: new PostgresUsers(postgres, clock),
    apiKeys: new PostgresApiKeys(postgres, clock),
    refreshTokens: new PostgresRefreshTokens(postgres, clock),
    trunks: new StoredTable(sealedLayout(TRUNKS, vault), postgres, writer, clock),
    sipUsers: new StoredTable(sealedLayout(SIP_USERS, vault), postgres, writer, clock),
    numbers: new StoredTable(NUMBERS, postgres, writer, clock),
    targets: new StoredTable(TARGETS, postgres, writer, clock),
    campaigns,
    defaultCampaign: (accountId) => defaultCampaign(postgres, campaigns, accountId),
    bids: new StoredTable(BIDS, postgres, writer, clock),
    complianceRules: new StoredTable(COMPLIANCE_RULES, postgres, writer, clock),
    ruleHistory: (id) => readRuleHistory(postgres, id),
    screenedCalls: (from, until) => readScreenedCalls(postgres, from, until),
    bidders: new StoredTable(BIDDERS, postgres, writer, clock),
    fraud: new PostgresFraud(postgres),
    fraudBlocks: new StoredTable(FRAUD_BLOCKS, postgres, writer, clock),
    audit: new PostgresAudit(postgres),
    dnc: new PostgresDnc(postgres, writer, clock),
    reassigned: new PostgresReassigned(postgres),
    suppression: new PostgresSuppression(postgres, writer, clock, vault),
    consents: new PostgresConsents(postgres, writer, vault),
    ledger,
    disputes: new PostgresDisputes(postgres, ledger),
    invoices: new PostgresInvoices(postgres),
    tracking: new PostgresTracking(postgres, ledger),
    bankAccounts: new PostgresBankAccounts(postgres),
    payouts: new PostgresPayouts(postgres, ledger),
    payoutRuns: new PostgresPayoutRuns(postgres, ledger),
    payments: new PostgresPayments(postgres, ledger),
    webhooks: new StoredTable(sealedLayout(WEBHOOKS, vault), postgres, writer, clock),
    deliveries: new PostgresDeliveries(postgres, vault),
    reports: new PostgresReports(postgres),
    calls: new PostgresCalls(postgres),
    auctions: new PostgresAuctions(postgres),
    decisions: new PostgresDecisions(postgres),
    idempotency: new PostgresIdempotency(postgres, clock),
    privacy,
  }
}
