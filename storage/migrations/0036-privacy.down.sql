drop table privacy_erasures, privacy_kept, privacy_progress, privacy_archive, privacy_keys;

drop trigger append_only on compliance_audit;
create trigger append_only before update or delete on compliance_audit
  for each row execute function refuse_change();
drop function refuse_audit_change();
drop function audit_commitment(uuid, text, jsonb, jsonb);

do $$
declare name text;
begin
  foreach name in array array['ledger_postings', 'recording_accesses', 'call_monitorings', 'tracking_events', 'compliance_rule_history',
    'dnc_entry_history'] loop
    execute format('drop trigger append_only on %I', name);
    execute format('create trigger append_only before update or delete on %I for each row execute function refuse_change()', name);
  end loop;
end $$;
create or replace function refuse_early_consent_end() returns trigger language plpgsql as $$
begin
  if old.over_at is null or old.over_at > now() - interval '5 years' then
    raise exception 'a consent is kept for 5 years from its end (16 CFR 310.5)' using errcode = 'restrict_violation';
  end if;
  return old;
end $$;
create or replace function refuse_change() returns trigger language plpgsql as $$
begin
  raise exception '% is append-only', tg_table_name using errcode = 'restrict_violation';
end $$;
