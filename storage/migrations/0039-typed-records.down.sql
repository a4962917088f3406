drop function write_records(written_open_call[], written_auction[], written_call[], written_audit[], written_posting[], written_entry[],
  jsonb, text);
create or replace function refuse_unbalanced() returns trigger language plpgsql as $$
declare culprit uuid;
begin
  select posting_id into culprit from added group by posting_id
    having sum(amount_micros) <> 0 or count(distinct currency) <> 1 limit 1;
  if found then
    raise exception 'posting % does not balance', culprit using errcode = 'check_violation', constraint = 'ledger_balance';
  end if;
  return null;
end $$;

alter table ledger_entries add foreign key (posting_id) references ledger_postings;
drop index ledger_postings_reference_key;
create unique index ledger_postings_reference_key on ledger_postings (kind, account_id, reference) where reference <> '';
alter table open_calls set (fillfactor = 50);
drop view known_calls;
alter table calls alter column checks type jsonb using checks::jsonb, alter column trace type jsonb using trace::jsonb;
alter table auctions alter column awards type jsonb using awards::jsonb, alter column non_bids type jsonb using non_bids::jsonb;
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


-- As migrations 0017 and 0031 made it.
create function write_records(batch jsonb, sales text, gateway text) returns void language plpgsql
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
begin
  if batch ? 'open_calls' then
    insert into open_calls (call_id, gateway_id, held_at, sale)
    select r.call_id, gateway, r.held_at, r.sale::json
    from rows from (jsonb_to_recordset(batch -> 'open_calls') as (call_id uuid, held_at timestamptz),
                    string_to_table(sales, E'\n')) as r(call_id, held_at, sale)
    where not exists (select from calls c where c.id = r.call_id offset 0)
    on conflict (call_id) do update set gateway_id = excluded.gateway_id, held_at = excluded.held_at, sale = excluded.sale;
    -- What an earlier award's mark says is nothing to this one.
    delete from alive_marks m using jsonb_to_recordset(batch -> 'open_calls') as r(call_id uuid) where m.call_id = r.call_id;
  end if;

  if batch ? 'auctions' then
    insert into auctions as a (id, call_id, number_id, vertical, currency, reserve_price_micros, price_rule, awards, non_bids,
      non_bids_omitted, decided_at, final)
    select id, call_id, number_id, vertical, currency, reserve_price_micros, price_rule, awards, non_bids, non_bids_omitted, decided_at, final
    from jsonb_to_recordset(batch -> 'auctions') as r(id uuid, call_id uuid, number_id uuid, vertical text, currency text,
      reserve_price_micros bigint, price_rule text, awards jsonb, non_bids jsonb, non_bids_omitted integer, decided_at timestamptz, final boolean)
    on conflict (id) do update set awards = excluded.awards, non_bids = excluded.non_bids,
      non_bids_omitted = excluded.non_bids_omitted, final = excluded.final
    where not a.final;
  end if;

  if batch ? 'alive' then
    insert into alive_marks as m (call_id, at)
    select r.call_id, r.at from jsonb_to_recordset(batch -> 'alive') as r(call_id uuid, at timestamptz)
    where exists (select from open_calls o where o.call_id = r.call_id offset 0)
    on conflict (call_id) do update set at = excluded.at where m.at < excluded.at;
  end if;

  if batch ? 'calls' then
    insert into calls (id, state, state_rank, outcome, ani, dnis, trunk_id, seller_id, number_id, buyer_id, campaign_id, bid_id,
      target_id, auction_id, vertical, traffic_type, received_at, ringing_at, answered_at, alive_at, ended_at, awarded_at,
      duration_ms, billable_ms, currency, price_micros, payout_micros, sip_status, end_reason, hung_up_by, legs, checks, trace)
    select id, state, state_rank, outcome, ani, dnis, trunk_id, seller_id, number_id, buyer_id, campaign_id, bid_id,
      target_id, auction_id, vertical, traffic_type, received_at, ringing_at, answered_at, alive_at, ended_at,
      coalesce(awarded_at, (select o.held_at from open_calls o where o.call_id = r.id)),
      duration_ms, billable_ms, currency, price_micros, payout_micros, sip_status, end_reason, hung_up_by, legs, checks, trace
    from jsonb_to_recordset(batch -> 'calls') as r(id uuid, state text, state_rank smallint, outcome text, ani text, dnis text,
      trunk_id uuid, seller_id uuid, number_id uuid, buyer_id uuid, campaign_id uuid, bid_id uuid, target_id uuid, auction_id uuid,
      vertical text, traffic_type text, received_at timestamptz, ringing_at timestamptz, answered_at timestamptz, alive_at timestamptz,
      ended_at timestamptz, awarded_at timestamptz, duration_ms double precision, billable_ms double precision, currency text,
      price_micros bigint, payout_micros bigint, sip_status integer, end_reason text, hung_up_by text, legs jsonb, checks jsonb, trace jsonb)
    on conflict (id) do nothing;

    delete from open_calls o using jsonb_to_recordset(batch -> 'calls') as r(id uuid) where o.call_id = r.id;
    delete from alive_marks m using jsonb_to_recordset(batch -> 'calls') as r(id uuid) where m.call_id = r.id;
  end if;

  if batch ? 'audit' then
    insert into compliance_audit (call_id, number, at, inputs, checks)
    select call_id, number, at, inputs, checks
    from jsonb_to_recordset(batch -> 'audit') as r(call_id uuid, number text, at timestamptz, inputs jsonb, checks jsonb)
    on conflict (call_id, at) do nothing;
  end if;

  if batch ? 'refusals' then
    insert into trunk_refusals (id, trunk_id, second, count, reason)
    select id, trunk_id, second, count, reason
    from jsonb_to_recordset(batch -> 'refusals') as r(id uuid, trunk_id uuid, second timestamptz, count integer, reason text)
    on conflict (id) do nothing;
  end if;

  if batch ? 'postings' then
    perform post_ledger(batch -> 'postings');
  end if;
end $$;

create or replace function post_ledger(batch jsonb, version bigint default null) returns setof uuid language plpgsql as $$
declare fresh uuid[];
-- The entries, column by column: plain arrays are read several times more cheaply than JSON.
declare postings uuid[]; accounts uuid[]; currencies text[]; amounts bigint[];
-- The balances they change, each once, in the order in which they are locked.
declare of_account uuid[]; of_currency text[]; changes bigint[]; before bigint[];
begin
  with added as (
    insert into ledger_postings (id, kind, call_id, account_id, currency, reference, posted_at, book_version)
    select p.id, p.kind, p.call_id, p.account_id, p.currency, p.reference, p.posted_at, version
    from jsonb_to_recordset(batch) as p(id uuid, kind text, call_id uuid, account_id uuid, currency text, reference text, posted_at timestamptz)
    on conflict do nothing
    returning id
  ) select array_agg(id) into fresh from added;
  if fresh is null then return; end if;

  select array_agg(p.id order by p.n, e.n), array_agg(e.account_id order by p.n, e.n),
         array_agg(p.currency order by p.n, e.n), array_agg(e.amount_micros order by p.n, e.n)
  into postings, accounts, currencies, amounts
  from rows from (jsonb_to_recordset(batch) as (id uuid, currency text, entries jsonb)) with ordinality as p(id, currency, entries, n),
       rows from (jsonb_to_recordset(p.entries) as (account_id uuid, amount_micros bigint)) with ordinality as e(account_id, amount_micros, n)
  where p.id = any (fresh);

  select array_agg(account order by account, currency), array_agg(currency order by account, currency),
         array_agg(change order by account, currency)
  into of_account, of_currency, changes
  from (select account, currency, sum(amount)::bigint as change
        from unnest(accounts, currencies, amounts) as l(account, currency, amount) group by 1, 2) s;

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
              select posting, account, currency, amount, n
              from unnest(postings, accounts, currencies, amounts) with ordinality as l(posting, account, currency, amount, n)) l) l
  where n > 0
  order by n;

  update account_balances b set balance_micros = b.balance_micros + s.change
  from unnest(of_account, of_currency, changes) as s(account, currency, change)
  where b.account_id = s.account and b.currency = s.currency;

  return query select unnest(fresh);
end $$;
drop function post_entries(written_posting[], written_entry[], bigint);
drop type written_open_call, written_auction, written_call, written_audit, written_posting, written_entry;
