-- A carrier's ticket names the Call-ID of its INVITE, that of the first leg. It never changes: a column of its own, so that later
-- writings of a call, whose legs grow, still touch no index. By hash, since a Call-ID may be longer than a page of a B-tree takes.
alter table calls add column sip_call_id text generated always as (legs -> 0 ->> 'sipCallId') stored;
create index calls_by_sip_call_id on calls using hash (sip_call_id);
