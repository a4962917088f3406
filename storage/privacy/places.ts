/** What an erasure does with a table's rows that say the number. */
export type Treatment =
  /** The number becomes its pseudonym, wherever in the row it stands. */
  | 'pseudonymise'
  /** The row goes. */
  | 'forget'
  /** The line becomes its commitment: the chain of the audit stays as it was sealed. */
  | 'commit'
  /** The law wants it kept: sealed, away from the table. */
  | 'law'
  /** It is how the exchange is set up, or a call in progress: nothing is erased until that has been changed, or is over. */
  | 'in use'
  /** Privacy's own. */
  | 'own'

/** Where in a table telephone numbers may stand. Every column of text, JSON or bytes is named in one of these. */
export interface Place {
  readonly treatment: Treatment
  /** Where they may: text, JSON, lists. */
  readonly texts?: readonly string[]
  /** Where they may, packed: events of the outbox, decisions of auctions. */
  readonly packed?: Readonly<Record<string, 'events' | 'decision'>>
  /** Where none can: words of ours, ids, hashes, what is sealed. */
  readonly plain?: readonly string[]
  /** Made by the database of other columns. */
  readonly derived?: readonly string[]
}

/** Every table, each with a way to handle numbers in it: a test holds this against the database. A new table or column is added here. */
export const PLACES: Readonly<Record<string, Place>> = {
  // Calls, and what is written down of them.
  calls: {
    treatment: 'pseudonymise',
    texts: ['ani', 'dnis', 'legs', 'checks', 'trace'],
    plain: ['vertical', 'state', 'outcome', 'traffic_type', 'currency', 'end_reason', 'hung_up_by'],
    derived: ['sip_call_id', 'caller_state'],
  },
  open_calls: { treatment: 'in use', texts: ['sale'], plain: ['gateway_id'] },
  auctions: {
    treatment: 'pseudonymise',
    texts: ['awards', 'non_bids'],
    plain: ['vertical', 'currency', 'price_rule'],
  },
  decisions: { treatment: 'pseudonymise', packed: { body: 'decision' } },
  decision_parts: { treatment: 'pseudonymise', texts: ['body'], plain: ['hash'] },
  disputes: { treatment: 'pseudonymise', texts: ['note', 'decision', 'reason'], plain: ['currency', 'state'] },
  tracking_events: {
    treatment: 'pseudonymise',
    texts: ['event_id', 'transaction_id', 'tags'],
    plain: ['role', 'type', 'currency', 'refused'],
  },
  conversion_sales: { treatment: 'pseudonymise', texts: ['terms'], plain: ['gateway_id'] },
  recordings: { treatment: 'pseudonymise', texts: ['reason'], plain: ['name', 'state'] },
  recording_accesses: { treatment: 'pseudonymise', plain: ['role', 'source'] },
  call_monitorings: {
    treatment: 'pseudonymise',
    texts: ['supervisor', 'reason', 'dialog'],
    plain: ['event', 'mode', 'role', 'source'],
  },
  trunk_refusals: { treatment: 'pseudonymise', plain: ['reason'] },
  quarantine: { treatment: 'pseudonymise', texts: ['record', 'error'], plain: ['gateway_id'] },

  // On the way out.
  outbox: { treatment: 'pseudonymise', packed: { body: 'events' } },
  outbox_dead_letters: { treatment: 'pseudonymise', texts: ['error', 'event'], packed: { body: 'events' } },
  webhook_deliveries: { treatment: 'pseudonymise', texts: ['body', 'error'], plain: ['type', 'state'] },
  idempotency_keys: { treatment: 'forget', texts: ['scope', 'key', 'body'], plain: ['request_hash', 'etag'] },

  // Compliance.
  compliance_audit: { treatment: 'commit', texts: ['number', 'inputs', 'checks'], plain: ['commitment'] },
  audit_blocks: { treatment: 'pseudonymise', plain: ['root', 'previous', 'hash', 'key_id', 'signature'] },
  compliance_rules: {
    treatment: 'in use',
    texts: ['name', 'source', 'scope', 'terms'],
    plain: ['effect', 'changed_by'],
  },
  compliance_rule_history: { treatment: 'pseudonymise', texts: ['rule', 'changed_by'], plain: ['deed'] },
  dnc_entries: { treatment: 'law', texts: ['number', 'reason'], plain: ['list'] },
  dnc_entry_history: { treatment: 'law', texts: ['number', 'reason'], plain: ['list', 'deed'] },
  reassigned_answers: { treatment: 'law', texts: ['number'], plain: ['answer'] },
  suppression_lists: {
    treatment: 'in use',
    texts: ['name', 'source', 'lookup'],
    plain: ['kind', 'state', 'when_expired'],
  },
  // Sets of bits by area code: whether a number is among those not to be called, which is asked for its owner's sake.
  suppression_areas: { treatment: 'own', plain: ['packed'] },
  suppression_imports: { treatment: 'own', plain: ['list_name', 'mode', 'done_by'] },
  consents: {
    treatment: 'law',
    texts: ['number'],
    plain: ['channels', 'certificates', 'zip', 'fingerprint'],
  },
  consent_versions: { treatment: 'law', texts: ['record', 'by'], plain: ['deed', 'hash', 'previous_hash'] },

  fraud_scores: { treatment: 'pseudonymise', texts: ['reasons', 'contributions'], plain: ['action'] },
  // Timed: lifted by hand, or over by themselves.
  fraud_blocks: { treatment: 'in use', texts: ['value', 'reason'], plain: ['kind', 'made_by'] },
  fraud_feedback: { treatment: 'pseudonymise', texts: ['note'], plain: ['label', 'by'] },

  // Who takes part, and how the exchange is set up.
  accounts: {
    treatment: 'in use',
    texts: ['name', 'email'],
    plain: ['type', 'status', 'currency', 'timezone', 'caps'],
  },
  users: { treatment: 'in use', texts: ['email'], plain: ['role', 'password_hash'] },
  api_keys: { treatment: 'in use', texts: ['name'], plain: ['secret_hash', 'scope'] },
  refresh_tokens: { treatment: 'in use', plain: ['hash'] },
  trunks: {
    treatment: 'in use',
    texts: ['name', 'addresses', 'host', 'username', 'strip_prefix', 'tls_names', 'caller_numbers'],
    plain: ['direction', 'password', 'digest', 'analytics_refusal', 'attestation'],
  },
  sip_users: { treatment: 'in use', texts: ['username'], plain: ['status', 'digest'] },
  registrations: { treatment: 'forget', texts: ['bindings'] },
  numbers: {
    treatment: 'in use',
    texts: ['number', 'vertical', 'tags', 'audio', 'menu', 'routing'],
    plain: ['price_rule', 'payout_type', 'traffic_type'],
  },
  targets: { treatment: 'in use', texts: ['name', 'uri', 'audio'], plain: ['caps', 'verstat'] },
  campaigns: {
    treatment: 'in use',
    texts: ['name', 'schedule', 'criteria', 'audio', 'pricing', 'factors'],
    plain: ['status', 'timezone', 'pacing', 'frequency_after', 'frequency_per'],
  },
  bids: { treatment: 'in use', texts: ['criteria', 'modifiers'], plain: ['status'] },
  bidders: {
    treatment: 'in use',
    texts: ['name', 'criteria', 'ping', 'answer', 'post', 'win_url', 'loss_url'],
    plain: ['status', 'dialect', 'secrets'],
  },
  webhooks: {
    treatment: 'in use',
    texts: ['url', 'description', 'disabled_reason'],
    plain: ['event_types', 'status', 'secret'],
  },
  book_changes: { treatment: 'pseudonymise', texts: ['payload'], plain: ['kind'] },

  // Money.
  account_balances: { treatment: 'pseudonymise', plain: ['currency'] },
  account_funds: { treatment: 'pseudonymise', plain: ['state'] },
  ledger_postings: { treatment: 'pseudonymise', texts: ['reference'], plain: ['kind', 'currency'] },
  ledger_entries: { treatment: 'pseudonymise', plain: ['currency'] },
  invoices: { treatment: 'pseudonymise', plain: ['currency', 'period', 'totals'] },
  bank_accounts: {
    treatment: 'in use',
    texts: ['holder'],
    plain: ['holder_type', 'kind', 'routing_number', 'number_sealed', 'last4', 'state', 'return_code'],
  },
  payouts: {
    treatment: 'pseudonymise',
    texts: ['holder'],
    plain: ['currency', 'state', 'holder_type', 'kind', 'routing_number', 'number_sealed', 'last4', 'return_code'],
  },
  payout_runs: { treatment: 'pseudonymise', plain: ['currency', 'state'] },
  payments: {
    treatment: 'pseudonymise',
    texts: ['refunds', 'disputes', 'fault'],
    plain: ['provider', 'payment_id', 'currency'],
  },
  call_rollups_minute: { treatment: 'pseudonymise', plain: ['family', 'key', 'currency'] },
  call_rollups_hour: { treatment: 'pseudonymise', plain: ['family', 'key', 'currency'] },
  call_rollups_day: { treatment: 'pseudonymise', plain: ['family', 'key', 'currency'] },

  privacy_keys: { treatment: 'own', plain: ['name', 'sealed'] },
  privacy_archive: { treatment: 'own', plain: ['class', 'sha256', 'key', 'body', 'numbers'] },
  privacy_progress: { treatment: 'own', plain: ['class'] },
  privacy_kept: { treatment: 'own', plain: ['subject', 'kind', 'source', 'sealed'] },
  privacy_erasures: {
    treatment: 'own',
    plain: ['subject', 'pseudonym', 'number_sealed', 'asked_by', 'reason', 'state', 'changed', 'fault'],
  },
  schema_migrations: { treatment: 'own', plain: ['name', 'checksum'] },
}
