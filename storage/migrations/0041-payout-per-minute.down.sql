-- What was paid by the minute becomes the same amount of a call.
alter table numbers
  drop constraint numbers_payout_type_check,
  drop constraint numbers_payout_amount_check,
  drop column payout_initial_seconds,
  drop column payout_increment_seconds;
update numbers set payout_type = 'fixed' where payout_type = 'minute';
alter table numbers
  add constraint numbers_payout_type_check check (payout_type in ('share', 'fixed')),
  add constraint numbers_check1 check ((payout_type = 'fixed') = (payout_amount_micros is not null));
-- What a campaign pays for a minute is no price of a call: it waits for its buyer.
update campaigns set status = 'paused', pricing = null where pricing ->> 'type' = 'minute';
