-- What each auction was decided by, so that it can be decided again (storage/decision-rows.ts). A body is JSON that only programs
-- read, compressed by them when it is long: Postgres need not try.
create table decisions (
  auction_id uuid primary key,
  call_id uuid not null,
  body text not null
);
alter table decisions alter column body set storage external;

-- Accounts, targets, campaigns, numbers and bids as decisions saw them, each once, by the hash of what it says.
create table decision_parts (
  hash text primary key,
  body text not null
);

-- A line for each decision, `<auction id> <call id> <body>`, and for each part that may be new, `<hash> <body>`. Written with
-- `write_records`, in its transaction; what is there already stays as it is.
create function write_decisions(lines text, parts text) returns void language plpgsql as $$
begin
  insert into decision_parts (hash, body)
  select left(p, 22), substr(p, 24) from string_to_table(parts, E'\n') p where p <> ''
  on conflict do nothing;
  insert into decisions (auction_id, call_id, body)
  select left(d, 36)::uuid, substr(d, 38, 36)::uuid, substr(d, 75) from string_to_table(lines, E'\n') d
  on conflict do nothing;
end $$;
