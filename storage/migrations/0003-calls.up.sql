-- What gateways write down. No foreign keys into the book: a record must land whatever was deleted meanwhile.
create table calls (
  id uuid primary key,
  state text not null check (state in ('received', 'screening', 'auction', 'ringing', 'answered', 'ended')),
  state_rank smallint not null,
  outcome text check (outcome in ('answered', 'refused', 'no_sale', 'busy', 'no_answer', 'failed', 'cancelled', 'interrupted')),
  ani text,
  dnis text not null,
  trunk_id uuid not null,
  seller_id uuid not null,
  number_id uuid,
  buyer_id uuid,
  campaign_id uuid,
  bid_id uuid,
  target_id uuid,
  auction_id uuid,
  vertical text,
  traffic_type text,
  received_at timestamptz not null,
  ringing_at timestamptz,
  answered_at timestamptz,
  alive_at timestamptz,
  ended_at timestamptz,
  awarded_at timestamptz,
  duration_ms double precision not null,
  billable_ms double precision not null,
  currency text not null,
  price_micros bigint not null,
  payout_micros bigint not null,
  sip_status integer,
  end_reason text,
  hung_up_by text,
  legs jsonb not null,
  checks jsonb not null,
  trace jsonb not null,
  check ((state = 'ended') = (outcome is not null))
  -- A call is written two or three times: with room left in its page none of its indexes is touched again.
) with (fillfactor = 60);
create index calls_newest on calls (received_at desc, id desc);
create index calls_of_seller on calls (seller_id, received_at desc, id desc);
create index calls_of_buyer on calls (buyer_id, received_at desc, id desc) where buyer_id is not null;
create index calls_of_campaign on calls (campaign_id, awarded_at) where awarded_at is not null;

create table auctions (
  id uuid primary key,
  call_id uuid not null,
  number_id uuid not null,
  vertical text not null,
  currency text not null,
  reserve_price_micros bigint not null,
  price_rule text not null,
  awards jsonb not null,
  non_bids jsonb not null,
  non_bids_omitted integer not null,
  decided_at timestamptz not null,
  -- Written with the CDR: nothing changes it any more.
  final boolean not null
);
create index auctions_of_call on auctions (call_id, decided_at desc);

-- One hold a call: the award rung now. It goes with the call's end.
create table holds (
  call_id uuid primary key,
  id uuid not null,
  account_id uuid not null,
  currency text not null,
  amount_micros bigint not null check (amount_micros >= 0),
  held_at timestamptz not null
);
create index holds_of_account on holds (account_id);

create table open_calls (
  call_id uuid primary key,
  gateway_id text not null,
  terms jsonb not null,
  caller_dialog jsonb,
  buyer_dialog jsonb,
  alive_at timestamptz
);
create index open_calls_of_gateway on open_calls (gateway_id);

create table compliance_audit (
  call_id uuid primary key,
  number text,
  at timestamptz not null,
  checks jsonb not null
);
create index compliance_audit_by_time on compliance_audit (at);

create table trunk_refusals (
  id uuid primary key,
  trunk_id uuid not null,
  second timestamptz not null,
  count integer not null check (count > 0),
  reason text not null
);
create index trunk_refusals_of_trunk on trunk_refusals (trunk_id, second);

-- Records the tables would not take: kept whole, with the reason, for a person to look at.
create table quarantine (
  id bigint generated always as identity primary key,
  at timestamptz not null default now(),
  gateway_id text not null,
  record text not null,
  error text not null
);

create function refuse_change() returns trigger language plpgsql as $$
begin
  raise exception '% is append-only', tg_table_name using errcode = 'restrict_violation';
end $$;

create trigger append_only before update or delete on compliance_audit
  for each row execute function refuse_change();
create trigger append_only_truncate before truncate on compliance_audit
  for each statement execute function refuse_change();
