-- What ended calls came to, summed by minute, hour and day as they end, so that a month's report need not read a month's calls.

-- Where the caller was, as routing knew it. Before PostgreSQL 18 no view may use the rows of a table that is written anew.
drop view known_calls;
alter table calls add column caller_state text generated always as (legs -> 0 ->> 'state') stored;
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

-- What figures are sums of: a row for each ended call, one for each time that its conversions moved money, and one for what an
-- accepted dispute gave back. Whatever comes to change the figures of calls is another branch here, with a trigger of its own below.
create view call_facts as
select c.id, c.received_at, c.seller_id, c.buyer_id, c.campaign_id, c.target_id, c.number_id, c.vertical, c.outcome,
  c.caller_state, c.currency,
  1 as calls,
  (c.answered_at is not null)::int as answered,
  (c.answered_at is not null or c.outcome in ('busy', 'no_answer', 'cancelled'))::int as effective,
  (c.billable_ms > 0)::int as billed,
  (c.ringing_at is not null)::int as rang,
  0 as disputed,
  -- Whole microseconds: sums of fractions would depend on their order.
  case when c.answered_at is null then 0 else round(c.duration_ms * 1000)::bigint end as talk_us,
  coalesce((extract(epoch from c.ringing_at - c.received_at) * 1000000)::bigint, 0) as post_dial_us,
  c.price_micros as revenue_micros, c.payout_micros, 0::bigint as credit_micros, 0::bigint as clawback_micros
from calls c where c.state = 'ended'
union all
select p.id, c.received_at, c.seller_id, c.buyer_id, c.campaign_id, c.target_id, c.number_id, c.vertical, c.outcome,
  c.caller_state, c.currency,
  0, 0, 0, 0, 0, 0, 0, 0,
  -coalesce((select sum(e.amount_micros) from ledger_entries e where e.posting_id = p.id and e.account_id = c.buyer_id), 0)::bigint,
  coalesce((select sum(e.amount_micros) from ledger_entries e where e.posting_id = p.id and e.account_id = c.seller_id), 0)::bigint,
  0, 0
from ledger_postings p join calls c on c.id = p.call_id where p.kind = 'conversion'
union all
select d.id, c.received_at, c.seller_id, c.buyer_id, c.campaign_id, c.target_id, c.number_id, c.vertical, c.outcome,
  c.caller_state, c.currency,
  0, 0, 0, 0, 0, 1, 0, 0, 0, 0, d.credit_micros, d.clawback_micros
from disputes d join calls c on c.id = d.call_id where d.state = 'accepted';

create index ledger_postings_of_conversion on ledger_postings (call_id) where kind = 'conversion';

-- Ids of facts that are in no rollup yet: a row a commit. Reports count these themselves.
create table rollup_queue (
  id bigint generated always as identity primary key,
  facts uuid[] not null
);
insert into rollup_queue (facts)
select array_agg(id order by id) from (select id, (row_number() over (order by id) - 1) / 1000 as chunk from call_facts) f
group by chunk order by chunk;

create function queue_for_rollup() returns trigger language plpgsql as $$
begin
  insert into rollup_queue (facts) select array_agg(id) from added where state = 'ended' having count(*) > 0;
  return null;
end $$;
create trigger to_roll_up after insert on calls
  referencing new table as added for each statement execute function queue_for_rollup();

create function queue_one_for_rollup() returns trigger language plpgsql as $$
begin
  insert into rollup_queue (facts) values (array[new.id]);
  return null;
end $$;
create trigger to_roll_up after insert on ledger_postings
  for each row when (new.kind = 'conversion') execute function queue_one_for_rollup();
create trigger to_roll_up after update of state on disputes
  for each row when (new.state = 'accepted' and old.state <> 'accepted') execute function queue_one_for_rollup();

-- One row: whoever rolls up holds its table's lock, one process at a time.
create table rollup_state (
  only_row boolean primary key default true check (only_row),
  -- Minutes before it are counted from the calls: they are about to go, or have gone.
  minutes_since timestamptz not null,
  -- Minutes before it have gone: no sums of them are made any more.
  minutes_gone timestamptz not null
);
insert into rollup_state (minutes_since, minutes_gone) values ('-infinity', '-infinity');

-- By `family`: whose calls (`owner`: a seller or a buyer; null: nobody bought them), and what they have in common (`key`).
create table call_rollups_minute (
  family text not null,
  at timestamptz not null,
  owner uuid,
  key text,
  currency text not null,
  calls bigint not null,
  answered bigint not null,
  effective bigint not null,
  billed bigint not null,
  rang bigint not null,
  disputed bigint not null,
  talk_us bigint not null,
  post_dial_us bigint not null,
  revenue_micros bigint not null,
  payout_micros bigint not null,
  credit_micros bigint not null,
  clawback_micros bigint not null,
  unique nulls not distinct (family, at, owner, key, currency)
) partition by range (at);
create table call_rollups_minute_rest partition of call_rollups_minute default;
-- Sums grow in place, since no index has them.
create table call_rollups_hour (like call_rollups_minute,
  unique nulls not distinct (family, at, owner, key, currency)) with (fillfactor = 70);
create table call_rollups_day (like call_rollups_minute,
  unique nulls not distinct (family, at, owner, key, currency)) with (fillfactor = 70);

-- The sums of some facts by minute, in each family.
create function rollups_of(ids uuid[]) returns setof call_rollups_hour language sql stable as $$
  select family, date_bin('1 minute', received_at, '2000-01-01Z'), owner, key, currency,
    sum(calls), sum(answered), sum(effective), sum(billed), sum(rang), sum(disputed), sum(talk_us)::bigint, sum(post_dial_us)::bigint,
    sum(revenue_micros)::bigint, sum(payout_micros)::bigint, sum(credit_micros)::bigint, sum(clawback_micros)::bigint
  from call_facts f, lateral (values
    ('seller', seller_id, seller_id::text), ('buyer', buyer_id, buyer_id::text),
    ('campaign', buyer_id, campaign_id::text), ('target', buyer_id, target_id::text), ('number', seller_id, number_id::text),
    ('vertical of seller', seller_id, vertical), ('vertical of buyer', buyer_id, vertical),
    ('outcome of seller', seller_id, outcome), ('outcome of buyer', buyer_id, outcome),
    ('state of seller', seller_id, caller_state), ('state of buyer', buyer_id, caller_state)
  ) as d(family, owner, key)
  where f.id = any (ids) and (owner is not null or family not like '% of buyer')
  group by 1, 2, 3, 4, 5
$$;

-- A week's minutes are a partition, so that old ones go at once. Where a report keeps the table too long, they go to the rest.
create function keep_minutes_of(week timestamptz) returns void language plpgsql set lock_timeout = '1s' as $$
declare name text := 'call_rollups_minute_' || to_char(week at time zone 'UTC', 'YYYYMMDD');
begin
  if to_regclass(name) is not null
    or exists (select from call_rollups_minute_rest where at >= week and at < week + interval '168 hours') then return; end if;
  execute format('create table %I partition of call_rollups_minute for values from (%L) to (%L) with (fillfactor = 70)',
    name, week, week + interval '168 hours');
exception when lock_not_available then null;
end $$;

-- Takes some of the queue, the oldest first, into the rollups: answers how many facts, or null when another process is at it. Queue
-- and sums change in one transaction: a fact is in exactly one of the two, whatever dies meanwhile.
create function roll_up(most integer) returns integer language plpgsql as $$
declare ids uuid[]; sums call_rollups_hour[]; gone timestamptz; week timestamptz; grain text;
begin
  begin
    lock table rollup_state in exclusive mode nowait;
  exception when lock_not_available then return null;
  end;
  with taken as (
    delete from rollup_queue where id in (
      select id from (
        select id, sum(cardinality(facts)) over (order by id) - cardinality(facts) as before
        from (select id, facts from rollup_queue order by id limit most) oldest
      ) counted where before < most
    ) returning facts
  ) select array_agg(fact) into ids from taken, unnest(taken.facts) as fact;
  if ids is null then return 0; end if;
  select minutes_gone into gone from rollup_state;
  select array_agg(s) into sums from rollups_of(ids) s;
  for week in
    select distinct date_bin('7 days', at, '2000-01-03Z') from unnest(sums)
    where at >= greatest(gone, now() - interval '1 year') and at < now() + interval '1 day'
  loop
    perform keep_minutes_of(week);
  end loop;
  foreach grain in array array['minute', 'hour', 'day'] loop
    execute format($insert$
      insert into call_rollups_%s as r
      select family, date_bin($2, at, '2000-01-01Z'), owner, key, currency, sum(calls), sum(answered), sum(effective), sum(billed),
        sum(rang), sum(disputed), sum(talk_us), sum(post_dial_us), sum(revenue_micros), sum(payout_micros), sum(credit_micros),
        sum(clawback_micros)
      from unnest($1) where at >= $3 group by 1, 2, 3, 4, 5
      on conflict (family, at, owner, key, currency) do update set calls = r.calls + excluded.calls,
        answered = r.answered + excluded.answered, effective = r.effective + excluded.effective,
        billed = r.billed + excluded.billed, rang = r.rang + excluded.rang, disputed = r.disputed + excluded.disputed,
        talk_us = r.talk_us + excluded.talk_us, post_dial_us = r.post_dial_us + excluded.post_dial_us,
        revenue_micros = r.revenue_micros + excluded.revenue_micros, payout_micros = r.payout_micros + excluded.payout_micros,
        credit_micros = r.credit_micros + excluded.credit_micros, clawback_micros = r.clawback_micros + excluded.clawback_micros
      $insert$, grain)
    using sums, ('1 ' || grain)::interval, case grain when 'minute' then gone else '-infinity' end;
  end loop;
  return cardinality(ids);
end $$;

-- Lets minutes go that are older than `keep`: reports leave them first, and they go when this is asked the next time, so that no
-- report loses what it has begun to read. Null: another process rolls up.
create function let_minutes_go(keep interval) returns timestamptz language plpgsql set lock_timeout = '1s' as $$
declare before timestamptz; since timestamptz := date_bin('7 days', now() - keep, '2000-01-03Z'); part record;
begin
  lock table rollup_state in exclusive mode nowait;
  select minutes_since into before from rollup_state;
  for part in
    select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid
    where i.inhparent = 'call_rollups_minute'::regclass and c.relname ~ '^call_rollups_minute_[0-9]{8}$'
      and (to_date(right(c.relname, 8), 'YYYYMMDD') + 7)::timestamp at time zone 'UTC' <= before
  loop
    execute format('drop table %I', part.relname);
  end loop;
  delete from call_rollups_minute where at < before;
  update rollup_state set minutes_gone = before, minutes_since = greatest(before, since);
  return before;
exception when lock_not_available then return null;
end $$;
