-- Caps of accounts and targets, the seller's own reserve, pacing, and frequency rules by what became of a call and whose it was.
alter table accounts
  add column caps jsonb,
  add column reserve_price_micros bigint check (reserve_price_micros >= 0);
alter table targets add column caps jsonb;
alter table campaigns
  add column pacing text not null default 'asap' check (pacing in ('asap', 'even')),
  add column frequency_after text not null default 'connected' check (frequency_after in ('connected', 'converted')),
  add column frequency_per text not null default 'campaign' check (frequency_per in ('campaign', 'target', 'buyer'));
-- What a bid's amount is multiplied by, by place, hour and tag.
alter table bids add column modifiers jsonb;
alter table numbers add column soft_floor_micros bigint check (soft_floor_micros >= 0);
