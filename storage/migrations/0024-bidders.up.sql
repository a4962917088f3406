-- Buyers' programs that are asked by HTTP what they would pay for a call.
create table bidders (
  id uuid primary key,
  account_id uuid not null references accounts,
  campaign_id uuid not null references campaigns,
  target_id uuid not null references targets,
  name text not null,
  status text not null check (status in ('active', 'paused')),
  dialect text not null,
  criteria jsonb not null,
  max_bid_micros bigint not null check (max_bid_micros > 0),
  billable_after integer not null check (billable_after >= 0),
  max_concurrent_calls integer,
  timeout_ms integer not null check (timeout_ms > 0),
  ping jsonb not null,
  answer jsonb,
  post jsonb,
  win_url text,
  loss_url text,
  -- Each sealed with the exchange's own secret.
  secrets jsonb not null,
  version integer not null default 1,
  created_at timestamptz not null,
  updated_at timestamptz not null
);
create index bidders_of_account on bidders (account_id, created_at desc, id desc);
create index bidders_newest on bidders (created_at desc, id desc);
create index bidders_of_campaign on bidders (campaign_id);
create index bidders_of_target on bidders (target_id);

-- How long a call of the number waits for bidders; null: as the exchange is set, 0: not at all.
alter table numbers add column bidder_deadline_ms integer check (bidder_deadline_ms between 0 and 2000);
-- Whether the campaign's bidders hear the caller's number before they have won the call.
alter table campaigns add column expose_caller boolean not null default false;
