drop table payments;
drop table payouts;
drop table payout_counter;
drop table payout_runs;
drop table bank_accounts;
-- Money that went through it keeps it.
delete from accounts a where id = '00000000-0000-7000-8000-000000000003'
  and not exists (select from account_balances b where b.account_id = a.id);
drop table account_funds;
alter table accounts drop column low_balance_micros;
