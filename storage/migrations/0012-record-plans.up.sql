-- The writer's plans live as long as its connection, and the first of them are made while the tables are empty: a scan of all calls
-- is the cheapest then, and was still done at the hundred-thousandth. So every look-up here goes by an index, whatever the statistics
-- say, and whether a call has ended is asked call by call.
create or replace function write_records(batch jsonb, gateway text) returns void language plpgsql
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

-- Rows of an open call change two or three times within its life: with room left in the page no index is touched.
alter table open_calls set (fillfactor = 50, toast_tuple_target = 8160);
alter table holds set (fillfactor = 70);
-- A record of 2 to 8 kB stays as it is: compressing it cost more than all the indexes together.
alter table calls set (toast_tuple_target = 8160);
alter table auctions set (toast_tuple_target = 8160);
