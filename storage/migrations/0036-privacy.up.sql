-- What retention takes away and erasure forgets. Append-only tables let go of what their trigger names, and of that only when
-- `dce.privacy` says so for the transaction: `retire` rows that are old enough, `erase` the text of the columns named, or the row (`forget`)
-- once it is sealed in privacy_kept.
create or replace function refuse_change() returns trigger language plpgsql as $$
declare mode text := coalesce(current_setting('dce.privacy', true), '');
begin
  if tg_level = 'ROW' and tg_nargs > 0 then
    if tg_op = 'DELETE' and mode = 'erase' and 'forget' = any (tg_argv::text[]) then return old; end if;
    if tg_op = 'DELETE' and mode = 'retire' and 'retire' = any (tg_argv::text[]) then return old; end if;
    if tg_op = 'UPDATE' and mode = 'erase' and to_jsonb(new) - tg_argv::text[] = to_jsonb(old) - tg_argv::text[] then return new; end if;
  end if;
  raise exception '% is append-only', tg_table_name using errcode = 'restrict_violation';
end $$;

drop trigger append_only on ledger_postings;
create trigger append_only before update or delete on ledger_postings
  for each row execute function refuse_change('reference');
drop trigger append_only on recording_accesses;
create trigger append_only before update or delete on recording_accesses
  for each row execute function refuse_change('retire');
drop trigger append_only on call_monitorings;
create trigger append_only before update or delete on call_monitorings
  for each row execute function refuse_change('retire', 'supervisor', 'reason', 'dialog');
drop trigger append_only on tracking_events;
create trigger append_only before update or delete on tracking_events
  for each row execute function refuse_change('retire', 'event_id', 'transaction_id', 'tags');
drop trigger append_only on compliance_rule_history;
create trigger append_only before update or delete on compliance_rule_history
  for each row execute function refuse_change('rule', 'changed_by');

drop trigger append_only on dnc_entry_history;
create trigger append_only before update or delete on dnc_entry_history
  for each row execute function refuse_change('forget');
create or replace function refuse_early_consent_end() returns trigger language plpgsql as $$
begin
  if current_setting('dce.privacy', true) is distinct from 'erase'
    and (old.over_at is null or old.over_at > now() - interval '5 years') then
    raise exception 'a consent is kept for 5 years from its end (16 CFR 310.5)' using errcode = 'restrict_violation';
  end if;
  return old;
end $$;

-- What a line of the audit commits to (compliance/audit/chain.ts): JSON of both languages escapes alike.
create function audit_commitment(salt uuid, number text, inputs jsonb, checks jsonb) returns bytea language sql stable as $$
  select sha256(convert_to('[' || coalesce(to_json(salt::text)::text, 'null') || ',' || coalesce(to_json(number)::text, 'null') || ','
    || coalesce(to_json(inputs::text)::text, 'null') || ',' || coalesce(to_json(checks::text)::text, 'null') || ']', 'UTF8'))
$$;

-- A line may be erased to its commitment, and to no other: the chain stays as it was sealed.
create function refuse_audit_change() returns trigger language plpgsql as $$
begin
  if tg_op = 'UPDATE' and current_setting('dce.privacy', true) = 'erase' and old.commitment is null
    and (new.call_id, new.at, new.seq) = (old.call_id, old.at, old.seq)
    and new.number is null and new.inputs is null and new.checks is null and new.salt is null
    and new.commitment = audit_commitment(old.salt, old.number, old.inputs, old.checks)
  then return new; end if;
  raise exception '% is append-only', tg_table_name using errcode = 'restrict_violation';
end $$;
drop trigger append_only on compliance_audit;
create trigger append_only before update or delete on compliance_audit
  for each row execute function refuse_audit_change();

-- Keys that outlast every master key, each sealed by one of those: what numbers are pseudonymised and found with.
create table privacy_keys (
  name text primary key,
  sealed text not null
);

-- Rows that were old enough, as lines of JSON: compressed (zstd), then encrypted. In the database and not in files, so that a row is in
-- exactly one of the two places after any crash, every gateway reaches it, one backup has both, and erasure finds it.
create table privacy_archive (
  id uuid primary key,
  class text not null,
  -- The least and the greatest id of its rows: ids tell their time.
  first_id uuid not null,
  last_id uuid not null,
  -- When the youngest of its rows was written.
  youngest_at timestamptz not null,
  rows integer not null check (rows > 0),
  -- SHA-256 of the lines, before compression.
  sha256 bytea not null,
  key text not null,
  body bytea not null,
  -- Keyed hashes of every telephone number in it.
  numbers bytea[] not null,
  archived_at timestamptz not null
);
alter table privacy_archive alter body set storage external;
create index privacy_archive_by_number on privacy_archive using gin (numbers);
create index privacy_archive_by_class on privacy_archive (class, last_id);
create index privacy_archive_by_age on privacy_archive (youngest_at);

-- How far retention has come in tables whose rows stay.
create table privacy_progress (
  class text primary key,
  after_id uuid not null
);

-- What the law wants kept of people who are forgotten, sealed; `subject` is the keyed hash of their number.
create table privacy_kept (
  id uuid primary key,
  subject bytea not null,
  kind text not null,
  source text not null,
  keep_until timestamptz not null,
  sealed text not null,
  kept_at timestamptz not null
);
create index privacy_kept_of_subject on privacy_kept (subject);
create index privacy_kept_by_end on privacy_kept (keep_until);

-- Who asked for whom to be forgotten, and how far that has come. The number itself is there only until it is done.
create table privacy_erasures (
  id uuid primary key,
  subject bytea not null,
  pseudonym text not null,
  number_sealed text,
  asked_by text not null,
  reason text not null,
  state text not null check (state in ('running', 'done')),
  asked_at timestamptz not null,
  done_at timestamptz,
  -- Rows changed, by table.
  changed jsonb not null default '{}',
  fault text,
  check ((state = 'done') = (done_at is not null)),
  check (state = 'running' or number_sealed is null)
);
create index privacy_erasures_under_way on privacy_erasures (asked_at) where state = 'running';
create index privacy_erasures_newest on privacy_erasures (asked_at desc, id desc);
