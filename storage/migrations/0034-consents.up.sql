-- Consumers' consents: each as it is now, as far as decisions need it, and every version there ever was.
create table consents (
  id uuid primary key,
  number text not null,
  version integer not null check (version > 0),
  captured_at timestamptz not null,
  given_at timestamptz not null,
  expires_at timestamptz,
  revoked_at timestamptz,
  channels text[] not null,
  certificates text[] not null,
  certified_at timestamptz not null,
  sellers integer not null,
  accounts uuid[] not null,
  zip text,
  -- SHA-256 of what the consumer said and when: an import that is done again finds its own.
  fingerprint bytea not null unique,
  -- From then on it need not be kept any more; null: it is still good.
  over_at timestamptz generated always as (least(revoked_at, expires_at)) stored
);
create index consents_of_number on consents (number, captured_at desc, id desc);
create index consents_newest on consents (captured_at desc, id desc);
create index consents_over on consents (over_at);

create table consent_versions (
  id uuid not null,
  version integer not null check (version > 0),
  deed text not null check (deed in ('captured', 'imported', 'amended', 'revoked')),
  at timestamptz not null,
  by text not null,
  record jsonb not null,
  hash bytea not null,
  previous_hash bytea,
  primary key (id, version),
  check ((version = 1) = (previous_hash is null))
);

-- They go only with their consent, and that only when the time it has to be kept is over.
create function refuse_consent_change() returns trigger language plpgsql as $$
begin
  if tg_op = 'DELETE' and not exists (select from consents where id = old.id) then return old; end if;
  raise exception 'consent_versions is append-only' using errcode = 'restrict_violation';
end $$;
create trigger append_only before update or delete on consent_versions
  for each row execute function refuse_consent_change();
create trigger append_only_truncate before truncate on consent_versions
  for each statement execute function refuse_change();
create function refuse_early_consent_end() returns trigger language plpgsql as $$
begin
  if old.over_at is null or old.over_at > now() - interval '5 years' then
    raise exception 'a consent is kept for 5 years from its end (16 CFR 310.5)' using errcode = 'restrict_violation';
  end if;
  return old;
end $$;
create trigger kept_five_years before delete on consents for each row execute function refuse_early_consent_end();
create trigger kept_truncate before truncate on consents for each statement execute function refuse_change();
