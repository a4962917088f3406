-- A seller may be paid by the minute: payout_amount_micros is then the price of one, counted in these steps.
alter table numbers
  drop constraint numbers_payout_type_check,
  drop constraint numbers_check1,
  add column payout_initial_seconds integer check (payout_initial_seconds > 0),
  add column payout_increment_seconds integer check (payout_increment_seconds > 0),
  add constraint numbers_payout_type_check check (payout_type in ('share', 'fixed', 'minute')),
  add constraint numbers_payout_amount_check check ((payout_type = 'share') = (payout_amount_micros is null)),
  add constraint numbers_payout_initial_check check ((payout_type = 'minute') = (payout_initial_seconds is not null)),
  add constraint numbers_payout_increment_check check ((payout_type = 'minute') = (payout_increment_seconds is not null));
