drop function post_ledger(jsonb, bigint);
drop table ledger_entries, ledger_postings, account_balances;
drop function refuse_unbalanced();
