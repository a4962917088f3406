drop function write_followups(jsonb, text);
drop table webhook_deliveries;
drop table webhooks;
alter table campaigns drop column pricing;
-- The money stays where it went: what was paid by conversion is a correction to a version that knows no other word.
alter table ledger_postings disable trigger append_only;
update ledger_postings set kind = 'correction', call_id = null where kind = 'conversion';
alter table ledger_postings enable trigger append_only;
alter table ledger_postings drop constraint ledger_postings_kind_check;
alter table ledger_postings add constraint ledger_postings_kind_check check (kind in ('deposit', 'payout', 'call', 'correction'));
alter table ledger_postings drop constraint ledger_postings_check;
alter table ledger_postings add constraint ledger_postings_check check ((kind = 'call') = (call_id is not null));
drop table conversion_sales;
drop table tracking_events;
