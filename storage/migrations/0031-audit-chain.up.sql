-- The audit in numbered lines, in partitions by month, sealed block by block into a chain of hashes. The salt makes a line's hash say
-- nothing of what it was made of, once that has to be forgotten.
alter table compliance_audit rename to compliance_audit_before;
alter table compliance_audit_before rename constraint compliance_audit_pkey to compliance_audit_before_pkey;
drop index compliance_audit_by_time;
create sequence compliance_audit_seq;
create table compliance_audit (
  call_id uuid not null,
  number text,
  at timestamptz not null,
  inputs jsonb,
  checks jsonb,
  seq bigint not null default nextval('compliance_audit_seq'),
  salt uuid default gen_random_uuid(),
  -- What was here when it was erased: the hash of salt, number, inputs and checks.
  commitment bytea,
  primary key (call_id, at),
  check ((checks is null) = (commitment is not null))
) partition by range (at);
alter sequence compliance_audit_seq owned by compliance_audit.seq;
create index compliance_audit_by_time on compliance_audit (at);
create index compliance_audit_by_seq on compliance_audit (seq);
create table compliance_audit_other partition of compliance_audit default;

-- The partition of each month from the first to the last of these days, where there is none yet; lines of a month that are in the
-- default partition already stay there, and with them its month.
create function make_audit_months(first timestamptz, last timestamptz) returns integer language plpgsql as $$
declare
  month timestamp := date_trunc('month', first at time zone 'UTC');
  made integer := 0;
begin
  while month <= last at time zone 'UTC' loop
    if to_regclass(format('compliance_audit_%s', to_char(month, 'YYYY_MM'))) is null
      and not exists (select from compliance_audit_other
        where at >= month at time zone 'UTC' and at < (month + interval '1 month') at time zone 'UTC')
    then
      execute format(
        'create table compliance_audit_%s partition of compliance_audit for values from (%L) to (%L)',
        to_char(month, 'YYYY_MM'), month at time zone 'UTC', (month + interval '1 month') at time zone 'UTC');
      made := made + 1;
    end if;
    month := month + interval '1 month';
  end loop;
  return made;
end $$;
select make_audit_months(coalesce((select min(at) from compliance_audit_before), now()), now() + interval '2 months');

insert into compliance_audit (call_id, number, at, checks)
select call_id, number, at, checks from compliance_audit_before order by at, call_id;
drop table compliance_audit_before;

create trigger append_only before update or delete on compliance_audit
  for each row execute function refuse_change();
create trigger append_only_truncate before truncate on compliance_audit
  for each statement execute function refuse_change();

-- Each block: so many lines up to `last_seq`, the root of their Merkle tree (RFC 9162 §2.1), and the hash of the block before.
create table audit_blocks (
  no bigint primary key check (no > 0),
  last_seq bigint not null unique,
  lines integer not null check (lines > 0),
  root bytea not null,
  previous bytea not null,
  hash bytea not null,
  sealed_at timestamptz not null,
  key_id text not null,
  signature bytea not null
);
create trigger append_only before update or delete on audit_blocks
  for each row execute function refuse_change();
create trigger append_only_truncate before truncate on audit_blocks
  for each statement execute function refuse_change();

-- The writer's part of it, in its own words but for the inputs and the key.
do $$
declare
  source text := pg_get_functiondef('write_records(jsonb,text,text)'::regprocedure);
  changed text;
begin
  changed := replace(source, $old$    insert into compliance_audit (call_id, number, at, checks)
    select call_id, number, at, checks
    from jsonb_to_recordset(batch -> 'audit') as r(call_id uuid, number text, at timestamptz, checks jsonb)
    on conflict (call_id) do nothing;$old$, $new$    insert into compliance_audit (call_id, number, at, inputs, checks)
    select call_id, number, at, inputs, checks
    from jsonb_to_recordset(batch -> 'audit') as r(call_id uuid, number text, at timestamptz, inputs jsonb, checks jsonb)
    on conflict (call_id, at) do nothing;$new$);
  if changed = source then raise exception 'write_records writes its audit otherwise'; end if;
  execute changed;
end $$;
