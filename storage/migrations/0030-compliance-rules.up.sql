-- The operator's own compliance rules, and every version any of them ever had: what was in force when is part of the proof.
create table compliance_rules (
  id uuid primary key,
  account_id uuid not null references accounts,
  name text not null,
  source text not null,
  effect text not null check (effect in ('block', 'warn', 'log', 'require_consent')),
  priority integer not null,
  enabled boolean not null,
  valid_from timestamptz,
  valid_until timestamptz,
  scope jsonb not null,
  terms jsonb not null,
  changed_by text not null,
  version integer not null default 1,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  check (valid_from < valid_until)
);
create index compliance_rules_of_account on compliance_rules (account_id, created_at desc, id desc);
create index compliance_rules_newest on compliance_rules (created_at desc, id desc);

create table compliance_rule_history (
  id bigint generated always as identity primary key,
  rule_id uuid not null,
  version integer not null,
  deed text not null check (deed in ('created', 'changed', 'deleted')),
  at timestamptz not null default now(),
  changed_by text not null,
  rule jsonb not null
);
create index compliance_rule_history_of_rule on compliance_rule_history (rule_id, id);
create trigger append_only before update or delete on compliance_rule_history
  for each row execute function refuse_change();
create trigger append_only_truncate before truncate on compliance_rule_history
  for each statement execute function refuse_change();

-- In the transaction of the change itself, so that there is none without its line.
create function keep_compliance_rule() returns trigger language plpgsql as $$
declare
  kept compliance_rules := coalesce(new, old);
begin
  insert into compliance_rule_history (rule_id, version, deed, changed_by, rule)
  values (
    kept.id, kept.version,
    case tg_op when 'INSERT' then 'created' when 'UPDATE' then 'changed' else 'deleted' end,
    kept.changed_by, to_jsonb(kept)
  );
  return null;
end $$;
create trigger keep_version after insert or update or delete on compliance_rules
  for each row execute function keep_compliance_rule();
