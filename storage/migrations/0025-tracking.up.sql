-- What became of calls after they were sold, as buyers and sellers report it. An event's id is made of what tells it from others
-- (storage/tracking-rows.ts), so that a report that comes again is the same row. Nothing here changes once it is written.
create table tracking_events (
  id uuid primary key,
  call_id uuid not null,
  account_id uuid not null,
  role text not null check (role in ('admin', 'buyer', 'seller')),
  type text not null,
  event_id text,
  transaction_id text,
  amount_micros bigint check (amount_micros >= 0),
  currency text,
  occurred_at timestamptz,
  received_at timestamptz not null,
  tags jsonb not null,
  -- Null: it counts. Else why it does not: kept all the same, so that whoever sent it can find it.
  refused text,
  check ((amount_micros is null) = (currency is null))
);
create index tracking_events_of_call on tracking_events (call_id, received_at, id);
create index tracking_events_of_account on tracking_events (account_id, received_at desc, id desc);
create index tracking_events_by_time on tracking_events (received_at desc, id desc);
create trigger append_only before update or delete on tracking_events for each row execute function refuse_change();
create trigger append_only_truncate before truncate on tracking_events for each statement execute function refuse_change();

-- Calls sold to be paid for by what becomes of them: what was agreed, and what has been charged of it so far.
create table conversion_sales (
  call_id uuid primary key,
  gateway_id text not null,
  buyer_id uuid not null,
  seller_id uuid not null,
  campaign_id uuid not null,
  terms jsonb not null,
  hold_id uuid not null,
  held_at timestamptz not null,
  -- The most the call can cost, held until the window is over; and what it was expected to bring.
  most_micros bigint not null check (most_micros >= 0),
  expected_micros bigint not null check (expected_micros >= 0),
  ended_at timestamptz not null,
  until_at timestamptz not null,
  charged_micros bigint not null default 0 check (charged_micros between 0 and most_micros),
  paid_micros bigint not null default 0 check (paid_micros between 0 and charged_micros),
  -- How often money has moved: it numbers the postings, so that each is made once.
  postings integer not null default 0,
  -- An event came before the end of the call was written: it is still to be counted.
  is_behind boolean not null default false
);
create index conversion_sales_behind on conversion_sales (call_id) where is_behind;
create index conversion_sales_open on conversion_sales (gateway_id, until_at);
create index conversion_sales_of_campaign on conversion_sales (campaign_id, ended_at);

alter table ledger_postings drop constraint ledger_postings_kind_check;
alter table ledger_postings add constraint ledger_postings_kind_check
  check (kind in ('deposit', 'payout', 'call', 'correction', 'conversion'));
alter table ledger_postings drop constraint ledger_postings_check;
alter table ledger_postings add constraint ledger_postings_check
  check ((kind in ('call', 'conversion')) = (call_id is not null));

-- How its calls are paid for; null: by the call.
alter table campaigns add column pricing jsonb;

-- Where accounts have events sent to.
create table webhooks (
  id uuid primary key,
  account_id uuid not null references accounts,
  url text not null,
  event_types text[] not null,
  description text not null,
  status text not null check (status in ('active', 'paused', 'disabled')),
  -- What its messages are signed with: base64.
  secret text not null,
  disabled_reason text,
  version integer not null default 1,
  created_at timestamptz not null,
  updated_at timestamptz not null
);
create index webhooks_of_account on webhooks (account_id, created_at desc, id desc);

-- An event on its way to one of them: written in the transaction of the event's fact.
create table webhook_deliveries (
  id bigint generated always as identity primary key,
  webhook_id uuid not null references webhooks on delete cascade,
  event_id uuid not null,
  type text not null,
  body text not null,
  state text not null default 'pending' check (state in ('pending', 'delivered', 'dead')),
  created_at timestamptz not null default now(),
  -- Of a pending one: not before then. Whoever sends it moves this on first, so that nobody else does, and a crash leaves it due later.
  due_at timestamptz not null default now(),
  first_tried_at timestamptz,
  attempts integer not null default 0,
  ended_at timestamptz,
  status integer,
  error text,
  unique (webhook_id, event_id)
);
create index webhook_deliveries_due on webhook_deliveries (webhook_id, due_at, id) where state = 'pending';
create index webhook_deliveries_of_state on webhook_deliveries (webhook_id, state, id desc);
create index webhook_deliveries_ended on webhook_deliveries (ended_at) where state <> 'pending';

-- What goes with a batch of `write_records`, in its transaction: {"conversions": [{call_id, ...}], "webhooks": [{account_id, event_id,
-- type, body}]}. Each part can be repeated.
create function write_followups(batch jsonb, gateway text) returns void language plpgsql as $$
begin
  if batch ? 'conversions' then
    -- Whoever counts an event of the call holds the same lock: the later of the two sees the other.
    perform pg_advisory_xact_lock(4801025, hashtext(call_id::text))
    from (select call_id from jsonb_to_recordset(batch -> 'conversions') as r(call_id uuid) order by hashtext(call_id::text)) r;
    insert into conversion_sales (call_id, gateway_id, buyer_id, seller_id, campaign_id, terms, hold_id, held_at, most_micros,
      expected_micros, ended_at, until_at, is_behind)
    select r.call_id, gateway, r.buyer_id, r.seller_id, r.campaign_id, r.terms, r.hold_id, r.held_at, r.most_micros,
      r.expected_micros, r.ended_at, r.until_at, exists (select from tracking_events t where t.call_id = r.call_id)
    from jsonb_to_recordset(batch -> 'conversions') as r(call_id uuid, buyer_id uuid, seller_id uuid, campaign_id uuid, terms jsonb,
      hold_id uuid, held_at timestamptz, most_micros bigint, expected_micros bigint, ended_at timestamptz, until_at timestamptz)
    on conflict (call_id) do nothing;
  end if;

  if batch ? 'webhooks' then
    insert into webhook_deliveries (webhook_id, event_id, type, body)
    select w.id, r.event_id, r.type, r.body
    from jsonb_to_recordset(batch -> 'webhooks') as r(account_id uuid, event_id uuid, type text, body text)
    join webhooks w on w.account_id = r.account_id and w.status = 'active' and r.type = any (w.event_types)
    on conflict (webhook_id, event_id) do nothing;
  end if;
end $$;
