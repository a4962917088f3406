do $$
declare
  source text := pg_get_functiondef('write_records(jsonb,text,text)'::regprocedure);
begin
  execute replace(source, $new$    insert into compliance_audit (call_id, number, at, inputs, checks)
    select call_id, number, at, inputs, checks
    from jsonb_to_recordset(batch -> 'audit') as r(call_id uuid, number text, at timestamptz, inputs jsonb, checks jsonb)
    on conflict (call_id, at) do nothing;$new$, $old$    insert into compliance_audit (call_id, number, at, checks)
    select call_id, number, at, checks
    from jsonb_to_recordset(batch -> 'audit') as r(call_id uuid, number text, at timestamptz, checks jsonb)
    on conflict (call_id) do nothing;$old$);
end $$;
create table compliance_audit_before (
  call_id uuid primary key,
  number text,
  at timestamptz not null,
  checks jsonb not null
);
insert into compliance_audit_before (call_id, number, at, checks)
select call_id, number, at, coalesce(checks, '[]') from compliance_audit order by seq;
drop table compliance_audit;
drop function make_audit_months(timestamptz, timestamptz);
drop table audit_blocks;
alter table compliance_audit_before rename to compliance_audit;
alter table compliance_audit rename constraint compliance_audit_before_pkey to compliance_audit_pkey;
create index compliance_audit_by_time on compliance_audit (at);
create trigger append_only before update or delete on compliance_audit
  for each row execute function refuse_change();
create trigger append_only_truncate before truncate on compliance_audit
  for each statement execute function refuse_change();
