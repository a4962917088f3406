drop function write_records(jsonb, text, text);
drop view known_calls;

create table holds (
  call_id uuid primary key,
  id uuid not null,
  account_id uuid not null,
  currency text not null,
  amount_micros bigint not null check (amount_micros >= 0),
  held_at timestamptz not null
) with (fillfactor = 70);
create index holds_of_account on holds (account_id);
alter table open_calls add column terms jsonb, add column caller_dialog jsonb, add column buyer_dialog jsonb, add column alive_at timestamptz;

insert into holds (call_id, id, account_id, currency, amount_micros, held_at)
select h.call_id, h.id, h.account_id, h.currency, h.amount_micros, h.held_at
from open_calls o, json_populate_record(null::holds, o.sale -> 'hold') h where o.held_at is not null;
insert into calls (id, state, state_rank, outcome, ani, dnis, trunk_id, seller_id, number_id, buyer_id, campaign_id, bid_id,
  target_id, auction_id, vertical, traffic_type, received_at, ringing_at, answered_at, alive_at, ended_at, awarded_at,
  duration_ms, billable_ms, currency, price_micros, payout_micros, sip_status, end_reason, hung_up_by, legs, checks, trace)
select c.id, c.state, c.state_rank, c.outcome, c.ani, c.dnis, c.trunk_id, c.seller_id, c.number_id, c.buyer_id, c.campaign_id, c.bid_id,
  c.target_id, c.auction_id, c.vertical, c.traffic_type, c.received_at, c.ringing_at, c.answered_at, c.alive_at, c.ended_at, o.held_at,
  c.duration_ms, c.billable_ms, c.currency, c.price_micros, c.payout_micros, c.sip_status, c.end_reason, c.hung_up_by, c.legs, c.checks, c.trace
from open_calls o, json_populate_record(null::calls, o.sale -> 'call') c;
update open_calls o set terms = nullif((o.sale -> 'terms')::jsonb, 'null'), caller_dialog = nullif((o.sale -> 'caller_dialog')::jsonb, 'null'),
  buyer_dialog = nullif((o.sale -> 'buyer_dialog')::jsonb, 'null'),
  alive_at = coalesce((select m.at from alive_marks m where m.call_id = o.call_id), (o.sale -> 'call' ->> 'alive_at')::timestamptz,
    (o.sale -> 'call' ->> 'answered_at')::timestamptz);
alter table open_calls drop column held_at, drop column sale;
create index open_calls_of_gateway on open_calls (gateway_id);
drop table alive_marks;
alter table calls set (fillfactor = 60);

-- As migration 0012 made it.
create function write_records(batch jsonb, gateway text) returns void language plpgsql
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
begin
  insert into calls as c (id, state, state_rank, outcome, ani, dnis, trunk_id, seller_id, number_id, buyer_id, campaign_id, bid_id,
    target_id, auction_id, vertical, traffic_type, received_at, ringing_at, answered_at, alive_at, ended_at, awarded_at,
    duration_ms, billable_ms, currency, price_micros, payout_micros, sip_status, end_reason, hung_up_by, legs, checks, trace)
  select id, state, state_rank, outcome, ani, dnis, trunk_id, seller_id, number_id, buyer_id, campaign_id, bid_id,
    target_id, auction_id, vertical, traffic_type, received_at, ringing_at, answered_at, alive_at, ended_at, awarded_at,
    duration_ms, billable_ms, currency, price_micros, payout_micros, sip_status, end_reason, hung_up_by, legs, checks, trace
  from jsonb_to_recordset(batch -> 'calls') as r(id uuid, state text, state_rank smallint, outcome text, ani text, dnis text,
    trunk_id uuid, seller_id uuid, number_id uuid, buyer_id uuid, campaign_id uuid, bid_id uuid, target_id uuid, auction_id uuid,
    vertical text, traffic_type text, received_at timestamptz, ringing_at timestamptz, answered_at timestamptz, alive_at timestamptz,
    ended_at timestamptz, awarded_at timestamptz, duration_ms double precision, billable_ms double precision, currency text,
    price_micros bigint, payout_micros bigint, sip_status integer, end_reason text, hung_up_by text, legs jsonb, checks jsonb, trace jsonb)
  on conflict (id) do update set
    state = excluded.state, state_rank = excluded.state_rank, outcome = excluded.outcome, ani = excluded.ani, dnis = excluded.dnis,
    trunk_id = excluded.trunk_id, seller_id = excluded.seller_id, number_id = excluded.number_id, buyer_id = excluded.buyer_id,
    campaign_id = excluded.campaign_id, bid_id = excluded.bid_id, target_id = excluded.target_id, auction_id = excluded.auction_id,
    vertical = excluded.vertical, traffic_type = excluded.traffic_type, received_at = excluded.received_at,
    ringing_at = excluded.ringing_at, answered_at = excluded.answered_at, alive_at = excluded.alive_at, ended_at = excluded.ended_at,
    awarded_at = coalesce(excluded.awarded_at, c.awarded_at), duration_ms = excluded.duration_ms, billable_ms = excluded.billable_ms,
    currency = excluded.currency, price_micros = excluded.price_micros, payout_micros = excluded.payout_micros,
    sip_status = excluded.sip_status, end_reason = excluded.end_reason, hung_up_by = excluded.hung_up_by,
    legs = excluded.legs, checks = excluded.checks, trace = excluded.trace
  where c.state <> 'ended' and excluded.state_rank >= c.state_rank;

  insert into auctions as a (id, call_id, number_id, vertical, currency, reserve_price_micros, price_rule, awards, non_bids,
    non_bids_omitted, decided_at, final)
  select id, call_id, number_id, vertical, currency, reserve_price_micros, price_rule, awards, non_bids, non_bids_omitted, decided_at, final
  from jsonb_to_recordset(batch -> 'auctions') as r(id uuid, call_id uuid, number_id uuid, vertical text, currency text,
    reserve_price_micros bigint, price_rule text, awards jsonb, non_bids jsonb, non_bids_omitted integer, decided_at timestamptz, final boolean)
  on conflict (id) do update set awards = excluded.awards, non_bids = excluded.non_bids,
    non_bids_omitted = excluded.non_bids_omitted, final = excluded.final
  where not a.final;

  insert into holds (call_id, id, account_id, currency, amount_micros, held_at)
  select r.call_id, r.id, r.account_id, r.currency, r.amount_micros, r.held_at
  from jsonb_to_recordset(batch -> 'holds') as r(call_id uuid, id uuid, account_id uuid, currency text, amount_micros bigint, held_at timestamptz)
  where coalesce((select c.state from calls c where c.id = r.call_id), '') <> 'ended'
  on conflict (call_id) do update set id = excluded.id, account_id = excluded.account_id, currency = excluded.currency,
    amount_micros = excluded.amount_micros, held_at = excluded.held_at;

  insert into open_calls (call_id, gateway_id, terms, caller_dialog, buyer_dialog, alive_at)
  select r.call_id, gateway, r.terms, r.caller_dialog, r.buyer_dialog, r.alive_at
  from jsonb_to_recordset(batch -> 'open_calls') as r(call_id uuid, terms jsonb, caller_dialog jsonb, buyer_dialog jsonb, alive_at timestamptz)
  where coalesce((select c.state from calls c where c.id = r.call_id), '') <> 'ended'
  on conflict (call_id) do update set gateway_id = excluded.gateway_id, terms = excluded.terms, caller_dialog = excluded.caller_dialog,
    buyer_dialog = excluded.buyer_dialog, alive_at = excluded.alive_at;

  update open_calls o set alive_at = r.at
  from jsonb_to_recordset(batch -> 'alive') as r(call_id uuid, at timestamptz)
  where o.call_id = r.call_id and (o.alive_at is null or o.alive_at < r.at);

  delete from open_calls o using jsonb_to_recordset(batch -> 'calls') as r(id uuid, state text)
  where r.state = 'ended' and o.call_id = r.id;
  delete from holds h using jsonb_to_recordset(batch -> 'calls') as r(id uuid, state text)
  where r.state = 'ended' and h.call_id = r.id;

  insert into compliance_audit (call_id, number, at, checks)
  select call_id, number, at, checks
  from jsonb_to_recordset(batch -> 'audit') as r(call_id uuid, number text, at timestamptz, checks jsonb)
  on conflict (call_id) do nothing;

  insert into trunk_refusals (id, trunk_id, second, count, reason)
  select id, trunk_id, second, count, reason
  from jsonb_to_recordset(batch -> 'refusals') as r(id uuid, trunk_id uuid, second timestamptz, count integer, reason text)
  on conflict (id) do nothing;

  if jsonb_array_length(batch -> 'postings') > 0 then
    perform post_ledger(batch -> 'postings');
  end if;
end $$;

-- As migration 0004 made it.
create or replace function post_ledger(batch jsonb, version bigint default null) returns setof uuid language plpgsql as $$
declare fresh uuid[];
-- The entries, column by column: plain arrays are read several times more cheaply than JSON.
declare postings uuid[]; accounts uuid[]; currencies text[]; amounts bigint[];
begin
  with added as (
    insert into ledger_postings (id, kind, call_id, account_id, currency, reference, posted_at, book_version)
    select p.id, p.kind, p.call_id, p.account_id, p.currency, p.reference, p.posted_at, version
    from jsonb_to_recordset(batch) as p(id uuid, kind text, call_id uuid, account_id uuid, currency text, reference text, posted_at timestamptz)
    on conflict do nothing
    returning id
  ) select array_agg(id) into fresh from added;
  if fresh is null then return; end if;

  select array_agg(p.id order by p.n, e.n), array_agg((e.entry ->> 'account_id')::uuid order by p.n, e.n),
         array_agg(p.currency order by p.n, e.n), array_agg((e.entry ->> 'amount_micros')::bigint order by p.n, e.n)
  into postings, accounts, currencies, amounts
  from rows from (jsonb_to_recordset(batch) as (id uuid, currency text, entries jsonb)) with ordinality as p(id, currency, entries, n),
       jsonb_array_elements(p.entries) with ordinality as e(entry, n)
  where p.id = any (fresh);

  insert into account_balances (account_id, currency)
  select distinct account, currency from unnest(accounts, currencies) as l(account, currency)
  where not exists (select from account_balances b where b.account_id = l.account and b.currency = l.currency)
  order by 1, 2
  on conflict do nothing;

  perform 1 from account_balances b
  where (b.account_id, b.currency) in (select account, currency from unnest(accounts, currencies) as l(account, currency))
  order by b.account_id, b.currency for update;

  insert into ledger_entries (posting_id, account_id, currency, amount_micros, balance_micros)
  select l.posting, l.account, l.currency, l.amount,
         b.balance_micros + sum(l.amount) over (partition by l.account, l.currency order by l.n)
  from unnest(postings, accounts, currencies, amounts) with ordinality as l(posting, account, currency, amount, n)
  join account_balances b on b.account_id = l.account and b.currency = l.currency
  order by l.n;

  update account_balances b set balance_micros = b.balance_micros + s.amount
  from (select account, currency, sum(amount) as amount from unnest(accounts, currencies, amounts) as l(account, currency, amount) group by 1, 2) s
  where b.account_id = s.account and b.currency = s.currency;

  return query select unnest(fresh);
end $$;
