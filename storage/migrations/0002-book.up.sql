-- What gateways keep in memory, and the numbered list of changes by which they stay current.
create table trunks (
  id uuid primary key,
  account_id uuid not null references accounts,
  name text not null,
  direction text not null check (direction in ('inbound', 'outbound')),
  addresses text[] not null,
  host text,
  username text,
  password text,
  strip_prefix text,
  max_cps double precision check (max_cps > 0),
  max_concurrent_calls integer check (max_concurrent_calls >= 0),
  retry_after_on_limit boolean not null,
  version integer not null default 1,
  created_at timestamptz not null,
  updated_at timestamptz not null
);
create index trunks_of_account on trunks (account_id, created_at desc, id desc);
create index trunks_newest on trunks (created_at desc, id desc);

create table numbers (
  id uuid primary key,
  account_id uuid not null references accounts,
  number text not null check (number ~ '^\+[1-9][0-9]{1,14}$'),
  vertical text not null,
  reserve_price_micros bigint not null check (reserve_price_micros >= 0),
  price_rule text not null check (price_rule in ('second', 'first')),
  payout_type text not null check (payout_type in ('share', 'fixed')),
  payout_share_millionths bigint check (payout_share_millionths between 0 and 1000000),
  payout_amount_micros bigint check (payout_amount_micros >= 0),
  max_billable_after double precision not null,
  live_bidding_ms integer not null,
  traffic_type text not null check (traffic_type in ('inbound', 'transfer', 'outbound')),
  tags jsonb not null,
  version integer not null default 1,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  check ((payout_type = 'share') = (payout_share_millionths is not null)),
  check ((payout_type = 'fixed') = (payout_amount_micros is not null))
);
create unique index numbers_number_key on numbers (number);
create index numbers_of_account on numbers (account_id, created_at desc, id desc);
create index numbers_newest on numbers (created_at desc, id desc);

create table targets (
  id uuid primary key,
  account_id uuid not null references accounts,
  name text not null,
  uri text not null,
  ring_timeout double precision not null check (ring_timeout > 0),
  max_concurrent_calls integer check (max_concurrent_calls >= 0),
  version integer not null default 1,
  created_at timestamptz not null,
  updated_at timestamptz not null
);
create index targets_of_account on targets (account_id, created_at desc, id desc);
create index targets_newest on targets (created_at desc, id desc);

create table campaigns (
  id uuid primary key,
  account_id uuid not null references accounts,
  name text not null,
  status text not null check (status in ('active', 'paused', 'ended')),
  timezone text not null,
  budget_daily_micros bigint check (budget_daily_micros >= 0),
  budget_total_micros bigint check (budget_total_micros >= 0),
  cap_hourly integer check (cap_hourly >= 0),
  cap_daily integer check (cap_daily >= 0),
  cap_monthly integer check (cap_monthly >= 0),
  cap_total integer check (cap_total >= 0),
  cap_concurrent integer check (cap_concurrent >= 0),
  frequency_calls integer check (frequency_calls > 0),
  frequency_hours double precision check (frequency_hours > 0),
  schedule jsonb,
  criteria jsonb not null,
  is_default boolean not null,
  version integer not null default 1,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  check ((frequency_calls is null) = (frequency_hours is null))
);
create unique index campaigns_default_key on campaigns (account_id) where is_default;
create index campaigns_of_account on campaigns (account_id, created_at desc, id desc);
create index campaigns_newest on campaigns (created_at desc, id desc);

create table bids (
  id uuid primary key,
  account_id uuid not null references accounts,
  campaign_id uuid not null references campaigns,
  target_id uuid not null references targets,
  call_id uuid,
  amount_micros bigint not null check (amount_micros > 0),
  billable_after double precision not null check (billable_after >= 0),
  criteria jsonb not null,
  max_concurrent_calls integer check (max_concurrent_calls >= 0),
  status text not null check (status in ('active', 'paused')),
  version integer not null default 1,
  created_at timestamptz not null,
  updated_at timestamptz not null
);
create index bids_of_account on bids (account_id, created_at desc, id desc);
create index bids_newest on bids (created_at desc, id desc);
create index bids_of_campaign on bids (campaign_id);
create index bids_of_target on bids (target_id);

-- A removed number stays as a tombstone: a gateway that fell behind learns of the removal, and the law of the proof.
create table dnc_entries (
  list text not null check (list in ('internal', 'blocked')),
  number text not null check (number ~ '^\+[1-9][0-9]{1,14}$'),
  reason text not null,
  added_at timestamptz not null,
  removed_at timestamptz,
  primary key (list, number)
);
create index dnc_entries_by_number on dnc_entries (number);
create index dnc_entries_newest on dnc_entries (added_at desc, number desc) where removed_at is null;

-- One row: whoever locks it next commits next, so versions become visible in their order and a reader can miss none.
create table book_version (
  single boolean primary key default true check (single),
  version bigint not null
);
insert into book_version (version) values (0);

create table book_changes (
  version bigint primary key,
  kind text not null,
  entity_id uuid,
  payload jsonb,
  at timestamptz not null default now()
);

-- Lists one change under the next version and wakes the gateways. Called last in a transaction: the counter's row lock lasts to its end.
create function list_book_change(kind text, entity_id uuid, payload jsonb) returns bigint language plpgsql as $$
declare listed bigint;
begin
  update book_version set version = version + 1 returning version into listed;
  insert into book_changes (version, kind, entity_id, payload) values (listed, kind, entity_id, payload);
  perform pg_notify('dce_book', listed::text);
  return listed;
end $$;
