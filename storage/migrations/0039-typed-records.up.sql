-- The writer's rows come typed, in PostgreSQL's binary format (storage/binary-rows.ts), and no longer as JSON, of which the server read
-- every name and every digit.
create type written_open_call as (call_id uuid, held_at timestamptz, sale json);
create type written_auction as (id uuid, call_id uuid, number_id uuid, vertical text, currency text, reserve_price_micros bigint,
  price_rule text, awards json, non_bids json, non_bids_omitted integer, decided_at timestamptz, final boolean);
create type written_call as (id uuid, state text, state_rank integer, outcome text, ani text, dnis text, trunk_id uuid, seller_id uuid,
  number_id uuid, buyer_id uuid, campaign_id uuid, bid_id uuid, target_id uuid, auction_id uuid, vertical text, traffic_type text,
  received_at timestamptz, ringing_at timestamptz, answered_at timestamptz, alive_at timestamptz, ended_at timestamptz,
  awarded_at timestamptz, duration_ms double precision, billable_ms double precision, currency text, price_micros bigint,
  payout_micros bigint, sip_status integer, end_reason text, hung_up_by text, legs jsonb, checks json, trace json);
create type written_audit as (call_id uuid, number text, at timestamptz, inputs jsonb, checks jsonb);
create type written_posting as (id uuid, kind text, call_id uuid, account_id uuid, currency text, reference text, posted_at timestamptz);
-- Of the posting of that id, in the order of its entries.
create type written_entry as (posting_id uuid, account_id uuid, currency text, amount_micros bigint);

drop function write_records(jsonb, text, text);

-- What only programs read is kept as the JSON it comes in, and no jsonb is made of it.
drop view known_calls;
alter table calls alter column checks type json, alter column trace type json;
alter table auctions alter column awards type json, alter column non_bids type json;
create view known_calls as
select c.id, c.state, c.outcome, c.ani, c.dnis, c.trunk_id, c.seller_id, c.number_id, c.buyer_id, c.campaign_id, c.bid_id, c.target_id,
  c.auction_id, c.vertical, c.traffic_type, c.received_at, c.ringing_at, c.answered_at, c.alive_at, c.ended_at, c.awarded_at,
  c.duration_ms, c.billable_ms, c.currency, c.price_micros, c.payout_micros, c.sip_status, c.end_reason, c.hung_up_by, c.legs, c.checks,
  c.trace, c.sip_call_id, null::bigint as held_micros
from calls c
union all
select o.call_id, c.state, c.outcome, c.ani, c.dnis, c.trunk_id, c.seller_id, c.number_id, c.buyer_id, c.campaign_id, c.bid_id, c.target_id,
  c.auction_id, c.vertical, c.traffic_type, c.received_at, c.ringing_at, c.answered_at, c.alive_at, c.ended_at, o.held_at,
  c.duration_ms, c.billable_ms, c.currency, c.price_micros, c.payout_micros, c.sip_status, c.end_reason, c.hung_up_by, c.legs, c.checks,
  c.trace, c.legs -> 0 ->> 'sipCallId', (o.sale -> 'hold' ->> 'amount_micros')::bigint
from open_calls o, json_populate_record(null::calls, o.sale -> 'call') c;

-- A sale and its next writing seldom fit into one page together, however much of it is left free.
alter table open_calls reset (fillfactor);

-- A call's posting is known by its call.
drop index ledger_postings_reference_key;
create unique index ledger_postings_reference_key on ledger_postings (kind, account_id, reference)
  where reference <> '' and account_id is not null;

-- That an entry has its posting is asked once a statement, with the sums, and not of each entry: postings never go (append_only).
alter table ledger_entries drop constraint ledger_entries_posting_id_fkey;
create or replace function refuse_unbalanced() returns trigger language plpgsql as $$
declare culprit uuid;
begin
  select posting_id into culprit from added group by posting_id
    having sum(amount_micros) <> 0 or count(distinct currency) <> 1 limit 1;
  if found then
    raise exception 'posting % does not balance', culprit using errcode = 'check_violation', constraint = 'ledger_balance';
  end if;
  select posting_id into culprit from (select distinct posting_id from added) a
    where not exists (select from ledger_postings p where p.id = a.posting_id offset 0) limit 1;
  if found then
    raise exception 'there is no posting % for its entries', culprit using errcode = 'foreign_key_violation',
      constraint = 'ledger_entries_posting_id_fkey';
  end if;
  return null;
end $$;

-- One group commit of the gateway's records: one statement a table, one round trip, one transaction. Every part of it can be
-- repeated: ended calls stay as first ended, postings and audit lines are written once. Within one batch a call comes once; what there
-- is nothing of is null. `others`: {"alive": [{call_id, at}], "refusals": [...]}, which are few. Every look-up goes by an index,
-- whatever the statistics say: the plans live as long as the writer's connection, and the first are made while the tables are empty.
create function write_records(open written_open_call[], decided written_auction[], ended written_call[], screened written_audit[],
  postings written_posting[], entries written_entry[], others jsonb, gateway text) returns void language plpgsql
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare ids uuid[];
begin
  if open is not null then
    insert into open_calls (call_id, gateway_id, held_at, sale)
    select r.call_id, gateway, r.held_at, r.sale from unnest(open) r
    where not exists (select from calls c where c.id = r.call_id offset 0)
    on conflict (call_id) do update set gateway_id = excluded.gateway_id, held_at = excluded.held_at, sale = excluded.sale;
    -- What an earlier award's mark says is nothing to this one.
    delete from alive_marks where call_id in (select r.call_id from unnest(open) r);
  end if;

  if decided is not null then
    insert into auctions as a (id, call_id, number_id, vertical, currency, reserve_price_micros, price_rule, awards, non_bids,
      non_bids_omitted, decided_at, final)
    select * from unnest(decided)
    on conflict (id) do update set awards = excluded.awards, non_bids = excluded.non_bids,
      non_bids_omitted = excluded.non_bids_omitted, final = excluded.final
    where not a.final;
  end if;

  if others ? 'alive' then
    insert into alive_marks as m (call_id, at)
    select r.call_id, r.at from jsonb_to_recordset(others -> 'alive') as r(call_id uuid, at timestamptz)
    where exists (select from open_calls o where o.call_id = r.call_id offset 0)
    on conflict (call_id) do update set at = excluded.at where m.at < excluded.at;
  end if;

  if ended is not null then
    insert into calls (id, state, state_rank, outcome, ani, dnis, trunk_id, seller_id, number_id, buyer_id, campaign_id, bid_id,
      target_id, auction_id, vertical, traffic_type, received_at, ringing_at, answered_at, alive_at, ended_at, awarded_at,
      duration_ms, billable_ms, currency, price_micros, payout_micros, sip_status, end_reason, hung_up_by, legs, checks, trace)
    select id, state, state_rank, outcome, ani, dnis, trunk_id, seller_id, number_id, buyer_id, campaign_id, bid_id,
      target_id, auction_id, vertical, traffic_type, received_at, ringing_at, answered_at, alive_at, ended_at,
      coalesce(awarded_at, (select o.held_at from open_calls o where o.call_id = r.id)),
      duration_ms, billable_ms, currency, price_micros, payout_micros, sip_status, end_reason, hung_up_by, legs, checks, trace
    from unnest(ended) r
    on conflict (id) do nothing;

    ids := array(select r.id from unnest(ended) r);
    delete from open_calls where call_id = any (ids);
    delete from alive_marks where call_id = any (ids);
  end if;

  if screened is not null then
    insert into compliance_audit (call_id, number, at, inputs, checks)
    select * from unnest(screened)
    on conflict (call_id, at) do nothing;
  end if;

  if others ? 'refusals' then
    insert into trunk_refusals (id, trunk_id, second, count, reason)
    select id, trunk_id, second, count, reason
    from jsonb_to_recordset(others -> 'refusals') as r(id uuid, trunk_id uuid, second timestamptz, count integer, reason text)
    on conflict (id) do nothing;
  end if;

  if postings is not null then
    perform post_entries(postings, entries);
  end if;
end $$;

-- Writes postings and answers with the ids of those that were not there before. Balances are locked in one order, so that two writers
-- cannot deadlock; each is read and changed once a batch, not once an entry.
create function post_entries(postings written_posting[], entries written_entry[], version bigint default null)
returns setof uuid language plpgsql as $$
declare fresh uuid[];
-- The balances they change, each once, in the order in which they are locked.
declare of_account uuid[]; of_currency text[]; changes bigint[]; before bigint[];
begin
  with added as (
    insert into ledger_postings (id, kind, call_id, account_id, currency, reference, posted_at, book_version)
    select p.*, version from unnest(postings) p
    on conflict do nothing
    returning id
  ) select array_agg(id) into fresh from added;
  if fresh is null then return; end if;
  if cardinality(fresh) < cardinality(postings) then
    entries := array(select e from unnest(entries) with ordinality as e(posting_id, account_id, currency, amount_micros, n)
      where e.posting_id = any (fresh) order by n);
  end if;

  select array_agg(account_id order by account_id, currency), array_agg(currency order by account_id, currency),
         array_agg(change order by account_id, currency)
  into of_account, of_currency, changes
  from (select account_id, currency, sum(amount_micros)::bigint as change from unnest(entries) group by 1, 2) s;

  loop
    select array_agg(b.balance_micros order by b.account_id, b.currency) into before
    from (select b.account_id, b.currency, b.balance_micros
          from unnest(of_account, of_currency) as l(account, currency)
          join account_balances b on b.account_id = l.account and b.currency = l.currency
          order by b.account_id, b.currency for update of b) b;
    exit when cardinality(before) = cardinality(of_account);
    insert into account_balances (account_id, currency)
    select account, currency from unnest(of_account, of_currency) as l(account, currency) order by 1, 2
    on conflict do nothing;
  end loop;

  insert into ledger_entries (posting_id, account_id, currency, amount_micros, balance_micros)
  select posting, account, currency, amount, balance
  from (select *, sum(amount) over (partition by account, currency order by n) as balance
        from (select null::uuid as posting, account, currency, amount, 0::bigint as n
              from unnest(of_account, of_currency, before) as b(account, currency, amount)
              union all
              select * from unnest(entries) with ordinality) l) l
  where n > 0
  order by n;

  update account_balances b set balance_micros = b.balance_micros + s.change
  from unnest(of_account, of_currency, changes) as s(account, currency, change)
  where b.account_id = s.account and b.currency = s.currency;

  return query select unnest(fresh);
end $$;

-- The same of postings as JSON (ordered [{id, kind, call_id, account_id, currency, reference, posted_at, entries: [{account_id,
-- amount_micros}]}]), for those who have a few.
create or replace function post_ledger(batch jsonb, version bigint default null) returns setof uuid language sql as $$
  select post_entries(
    array(select row(p.id, p.kind, p.call_id, p.account_id, p.currency, p.reference, p.posted_at)::written_posting
      from rows from (jsonb_to_recordset(batch) as (id uuid, kind text, call_id uuid, account_id uuid, currency text, reference text,
        posted_at timestamptz)) with ordinality as p(id, kind, call_id, account_id, currency, reference, posted_at, n) order by p.n),
    array(select row(p.id, e.account_id, p.currency, e.amount_micros)::written_entry
      from rows from (jsonb_to_recordset(batch) as (id uuid, currency text, entries jsonb)) with ordinality as p(id, currency, entries, n),
        rows from (jsonb_to_recordset(p.entries) as (account_id uuid, amount_micros bigint)) with ordinality as e(account_id, amount_micros, n)
      order by p.n, e.n),
    version)
$$;
