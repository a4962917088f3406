-- Do-not-call lists whose numbers are kept as sets: the nation's, states', litigators', buyers'.
create table suppression_lists (
  id uuid primary key,
  account_id uuid not null references accounts,
  name text not null,
  kind text not null check (kind in ('national', 'state', 'internal', 'litigator', 'blocked', 'buyer')),
  source text not null,
  state text,
  version_date timestamptz,
  expires_after_days integer check (expires_after_days > 0),
  when_expired text not null check (when_expired in ('refuse', 'warn')),
  lookup jsonb,
  numbers bigint not null default 0,
  revision integer not null default 0,
  replaced_at integer not null default 0,
  version integer not null default 1,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  check ((kind = 'state') = (state is not null)),
  check (kind <> 'buyer' or lookup is null)
);
create unique index suppression_lists_name_key on suppression_lists (name);
create index suppression_lists_of_account on suppression_lists (account_id, created_at desc, id desc);
create index suppression_lists_newest on suppression_lists (created_at desc, id desc);

-- One row an area code (0: numbers outside North America), packed as gateways keep it in memory. A row whose numbers are all gone stays,
-- empty, until the list is replaced: so that a gateway that knew of them hears of it.
create table suppression_areas (
  list_id uuid not null references suppression_lists on delete cascade,
  area smallint not null check (area between 0 and 999),
  revision integer not null,
  numbers integer not null,
  packed bytea not null,
  checksum bigint not null,
  primary key (list_id, area)
);
-- They are packed already.
alter table suppression_areas alter column packed set storage external;

-- Which version was taken in when, and by whom: the record of the process that the safe harbour asks for.
create table suppression_imports (
  id bigint generated always as identity primary key,
  list_id uuid not null,
  list_name text not null,
  at timestamptz not null default now(),
  revision integer not null,
  mode text not null,
  version_date timestamptz,
  added bigint not null,
  removed bigint not null,
  numbers bigint not null,
  lines bigint not null,
  invalid bigint not null,
  done_by text not null
);
create index suppression_imports_of_list on suppression_imports (list_id, id desc);
create trigger append_only before update or delete on suppression_imports
  for each row execute function refuse_change();
create trigger append_only_truncate before truncate on suppression_imports
  for each statement execute function refuse_change();

-- Every request not to be called, and every one taken back, for the five years it must be honoured and longer
-- (47 CFR 64.1200(d)(6), 16 CFR 310.5): dnc_entries has only the last.
create table dnc_entry_history (
  id bigint generated always as identity primary key,
  list text not null,
  number text not null,
  deed text not null check (deed in ('added', 'removed')),
  reason text not null,
  at timestamptz not null
);
create index dnc_entry_history_of_number on dnc_entry_history (number, id);
insert into dnc_entry_history (list, number, deed, reason, at)
  select list, number, 'added', reason, added_at from dnc_entries;
insert into dnc_entry_history (list, number, deed, reason, at)
  select list, number, 'removed', reason, removed_at from dnc_entries where removed_at is not null;
create trigger append_only before update or delete on dnc_entry_history
  for each row execute function refuse_change();
create trigger append_only_truncate before truncate on dnc_entry_history
  for each statement execute function refuse_change();

create function keep_dnc_entries() returns trigger language plpgsql as $$
begin
  insert into dnc_entry_history (list, number, deed, reason, at)
    select list, number, case when removed_at is null then 'added' else 'removed' end, reason,
      coalesce(removed_at, added_at)
    from changed;
  return null;
end $$;
create trigger keep_added after insert on dnc_entries
  referencing new table as changed for each statement execute function keep_dnc_entries();
create trigger keep_changed after update on dnc_entries
  referencing new table as changed for each statement execute function keep_dnc_entries();

-- What the Reassigned Numbers Database answered: whether a number was permanently disconnected since a day (FCC DA-21-1649).
create table reassigned_answers (
  number text not null check (number ~ '^\+[1-9][0-9]{1,14}$'),
  consent_date date not null,
  answer text not null check (answer in ('yes', 'no', 'no_data')),
  asked_at timestamptz not null,
  kept_at timestamptz not null default now(),
  primary key (number, consent_date, asked_at)
);
